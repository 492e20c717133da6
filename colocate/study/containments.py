"""Which containment a task should have: of those that are SAFE, and where none is, which came nearest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.request import ISOLATED, Inference
from colocate.study.evidence import Evidence
from colocate.study.verdicts import Ruling, Verdict, excess
from colocate.study.work import does_nothing

# A containment that gains a task less than this is not worth setting.
ALIKE_RATIO = 0.95


@dataclass(frozen=True, slots=True)
class Contained:
    """A task beside a network and in a placement, in the containment, and at the clocks, that `ruling` is on.

    These are the simplest of those that are SAFE with about the most work, or where none is SAFE, those that came
    nearest; any, where nothing is known of a limited quantity. `work_share` is `Evidence.work_share`.
    """

    ruling: Ruling
    work_share: float | None

    @property
    def safe(self) -> bool:
        """Whether the task may run so."""
        return self.ruling.verdict is Verdict.SAFE

    @property
    def useful(self) -> bool:
        """Whether it may, and does some of its work there."""
        return self.safe and not does_nothing(self.work_share)


def containments(rulings: Sequence[Ruling], evidence: Sequence[Evidence]) -> tuple[Contained, ...]:
    """One for each task beside each network and in each placement, in the order of `rulings`."""
    shares = {each.cell: each.work_share for each in evidence}
    groups: defaultdict[tuple[Inference, str, str], list[Ruling]] = defaultdict(list)
    for ruling in rulings:
        groups[ruling.cell.inference, ruling.cell.placement, ruling.cell.task].append(ruling)
    best = (_best(members, shares) for members in groups.values())
    return tuple(Contained(ruling, shares.get(ruling.cell)) for ruling in best)


def _best(members: Sequence[Ruling], shares: Mapping[Cell, float | None]) -> Ruling:
    safe = [ruling for ruling in members if ruling.verdict is Verdict.SAFE]
    if not safe:
        return min(members, key=excess)
    return safe[simplest([ruling.cell for ruling in safe], [shares.get(ruling.cell) for ruling in safe])]


def simplest(cells: Sequence[Cell], merits: Sequence[float | None]) -> int:
    """Which of the `cells` of a task to take: the simplest of those that are worth about as much as the best,
    `ALIKE_RATIO` of it at the least; of equally simple ones the best.

    A merit that is not known is less than any that is. Where none is known none is worth a containment.
    """
    best = max((merit for merit in merits if merit is not None), default=None)
    alike = [
        number
        for number, merit in enumerate(merits)
        if best is None or (merit is not None and merit >= ALIKE_RATIO * best)
    ]
    return min(alike, key=lambda number: (complexity(cells[number]), -(merits[number] or 0.0)))


def complexity(cell: Cell) -> tuple[tuple[int, ...], bool]:
    """Less where the containment is simpler, none most of all; then where the task stays off the network's CPU."""
    return () if cell.containment is None else cell.containment.complexity, cell.placement != ISOLATED
