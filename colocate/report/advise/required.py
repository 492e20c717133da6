"""What a user must run: one deployment, or a few, found among the judged cells."""

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
    """What was asked for, and every cell that it names: all of them must be SAFE."""

    text: str
    rulings: tuple[Ruling, ...]

    @property
    def verdict(self) -> Verdict:
        """SAFE if all cells are, UNSAFE if any is, else UNDECIDED."""
        return worst(ruling.verdict for ruling in self.rulings)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict on several things that must all be SAFE."""
    return min(verdicts, key=_WORST_FIRST.index)


def required(rulings: Sequence[Ruling], texts: Sequence[str]) -> tuple[Required, ...]:
    """The cells that each of `texts` names, as in `PATTERN`. Raises SpecError where it names none."""
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
    """Every way to name a cell: what is left out stands for all that there is of it."""
    networks = {cell.inference.network, network_label(cell.inference.network, among)}
    qualifiers = (f":{cell.placement}", f":{containment_words(cell.containment)}", f"@{clocks_column(cell.clocks)}")
    for network, chosen in itertools.product(networks, itertools.product((True, False), repeat=len(qualifiers))):
        yield f"{network}:{cell.task}" + "".join(itertools.compress(qualifiers, chosen))
