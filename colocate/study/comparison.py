"""Two runs -> what changed, cell by cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from colocate.study.evidence import Evidence, Quantity
from colocate.study.model import Cell, Interval

COMPARED = (Quantity.LATENCY_P50, Quantity.LATENCY_P99, Quantity.SLOWDOWN_P50, Quantity.POWER)


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity of one cell: `ratio` is B over A with simultaneous bounds; 1.05 = 5 % more in B."""

    before: Cell
    after: Cell
    quantity: Quantity
    ratio: Interval
    regressed: bool
    improved: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, in A's order of cells, and the cells that only one of the runs has."""

    max_regression: float
    confidence: float
    changes: tuple[Change, ...]
    only_before: tuple[Cell, ...]
    only_after: tuple[Cell, ...]

    @property
    def regressions(self) -> tuple[Change, ...]:
        """The changes shown to be beyond `max_regression`."""
        return tuple(change for change in self.changes if change.regressed)


def compare(
    before: Sequence[Evidence],
    after: Sequence[Evidence],
    max_regression: float = 0.0,
    confidence: float = 0.95,
    quantities: Collection[Quantity] = COMPARED,
) -> Comparison:
    """What changed from `before` to `after`, two runs of the same cells."""
    raise NotImplementedError
