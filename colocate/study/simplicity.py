"""Choose the simplest among settings of a task that are worth about the same."""

from __future__ import annotations

from collections.abc import Sequence

from colocate.model.cell import Cell
from colocate.model.request import ISOLATED

# A merit of at least this share of the best counts as equally good: the rest is not worth a containment.
ALIKE_RATIO = 0.95


def simplest(cells: Sequence[Cell], merits: Sequence[float | None]) -> int:
    """Return the index of the cell to take: the simplest whose merit is at least `ALIKE_RATIO` times the best merit.

    `merits` has the merit of each of the `cells`, more is better; None if it is unknown. Of equally simple cells the
    one with the best merit is taken. An unknown merit counts as less than any other. If all are unknown, the simplest
    cell is taken.
    """
    best = max((merit for merit in merits if merit is not None), default=None)
    alike = [
        number
        for number, merit in enumerate(merits)
        if best is None or (merit is not None and merit >= ALIKE_RATIO * best)
    ]
    return min(alike, key=lambda number: (complexity(cells[number]), -(merits[number] or 0.0)))


def complexity(cell: Cell) -> tuple[tuple[int, ...], bool]:
    """Return a sort key: lower for a simpler containment, lowest without one; then lower if tasks avoid the network's
    CPUs.
    """
    return () if cell.containment is None else cell.containment.complexity, cell.placement != ISOLATED
