"""Which of several settings of a task is the simplest of those that are worth about as much."""

from __future__ import annotations

from collections.abc import Sequence

from colocate.model.cell import Cell
from colocate.model.request import ISOLATED

# A containment that gains a task less than this is not worth setting.
ALIKE_RATIO = 0.95


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
