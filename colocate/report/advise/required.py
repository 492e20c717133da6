"""Find the cells that the user must run (`--require`) among the judged cells."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colocate.errors import SpecError
from colocate.model.cell import Cell
from colocate.model.containment import containment_words
from colocate.model.request import Inference
from colocate.model.spelling import nearest
from colocate.report.text.labels import clocks_column, inferences_of, network_label
from colocate.study.verdicts import Ruling, Verdict

PATTERN = "NETWORK:TASK[:PLACEMENT][:CONTAINMENT][@CPU/GPU[/MEMORY]]"
# The verdict on several cells together is the first of these that any has.
_WORST_FIRST = (Verdict.UNSAFE, Verdict.UNDECIDED, Verdict.SAFE)


@dataclass(frozen=True, slots=True)
class Required:
    """One requirement as the user wrote it, with every cell that it names. All of these must be SAFE."""

    text: str
    rulings: tuple[Ruling, ...]

    @property
    def verdict(self) -> Verdict:
        """UNSAFE if any cell is UNSAFE, SAFE if all are SAFE, else UNDECIDED."""
        return worst(ruling.verdict for ruling in self.rulings)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The worst of `verdicts`, of which there is at least one: UNSAFE, then UNDECIDED, then SAFE."""
    return min(verdicts, key=_WORST_FIRST.index)


def required(rulings: Sequence[Ruling], texts: Sequence[str]) -> tuple[Required, ...]:
    """The cells that each of `texts`, written as in `PATTERN`, names. Raises SpecError if a text names no cell."""
    among = inferences_of([ruling.cell for ruling in rulings])
    spelled = [(ruling, set(_spellings(ruling.cell, among))) for ruling in rulings]
    found = []
    for text in texts:
        named = tuple(ruling for ruling, spellings in spelled if text.strip() in spellings)
        if not named:
            every = sorted({spelling for _, spellings in spelled for spelling in spellings}, key=len)
            example = nearest(text, every) or every[0]
            raise SpecError(f"--require: this run has no cell {text!r}; write {PATTERN}, as in {example}")
        found.append(Required(text.strip(), named))
    return tuple(found)


def _spellings(cell: Cell, among: Sequence[Inference]) -> Iterable[str]:
    """Every text that names a cell: placement, containment and clocks may each be left out."""
    networks = {cell.inference.network, network_label(cell.inference.network, among)}
    qualifiers = (f":{cell.placement}", f":{containment_words(cell.containment)}", f"@{clocks_column(cell.clocks)}")
    for network, chosen in itertools.product(networks, itertools.product((True, False), repeat=len(qualifiers))):
        yield f"{network}:{cell.task}" + "".join(itertools.compress(qualifiers, chosen))
