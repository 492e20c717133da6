"""Two runs -> what changed, cell by cell: a new JetPack, a new TensorRT, a new kernel.

Three things are compared where both runs know them:

- The latency, p50 and p99, of every cell, solo baselines too. This is the main question.
- The slowdown, p50. It says whether the interference changed. Whatever made one whole run faster cancels in it, as
  both windows of a block share that.
- The power of the board.

The runs are not paired, so each change is a difference of two means of logarithms. It has Welch's interval (Welch
1947, Biometrika 34(1-2)) on variances moderated within each run (`stats.moderated_variance`):

    mean_B - mean_A -+ t(df, 1 - alpha / N) * s

    s^2 = s_A^2 / n_A + s_B^2 / n_B,    df = s^4 / ((s_A^2 / n_A)^2 / df_A + (s_B^2 / n_B)^2 / df_B)

alpha is 1 - confidence, and N the number of all changes of the comparison (Bonferroni). So the chance of any false
regression is at most alpha. A change is called a regression exactly if its printed interval shows one.

A run is one draw. What differs as a whole between two runs of the same system, such as the room's temperature, counts
as a change of latency. Measure such runs in turns, or look at the slowdowns.

In tests/bench/test_verdicts.py one of 81 cells is 5 % slower. With five blocks that scatter by 1 % it is found in 19
of 20 pairs of runs. With a scatter of 0.5 to 3 % it is found in 12 of 20, and with ten such blocks in 18.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from colocate.errors import SpecError
from colocate.model.cell import Cell, Interval
from colocate.model.containment import Containment
from colocate.model.limits import Quantity
from colocate.model.request import ClockPoint, Inference
from colocate.model.written import as_written
from colocate.study.bounds import means, table
from colocate.study.evidence import Evidence

COMPARED = (Quantity.LATENCY_P50, Quantity.LATENCY_P99, Quantity.SLOWDOWN_P50, Quantity.POWER)

Identity = tuple[Inference, str, Containment | None, str, ClockPoint]


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity of one cell: `ratio` is after over before with its simultaneous bounds; 1.05 = 5 % more after.

    The bounds are None if either run has only one block of the cell. `regressed`: the lower bound lies beyond what
    was allowed. `improved`: the upper bound lies below 1.
    """

    before: Cell
    after: Cell
    quantity: Quantity
    ratio: Interval
    regressed: bool
    improved: bool

    @property
    def detectable_ratio(self) -> float | None:
        """The least change that bounds of this width would show, 0.05 = 5 %; None without bounds."""
        return None if not self.ratio.lo else self.ratio.value / self.ratio.lo - 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """All changes, in the order of the cells of the run before, and the cells that only one of the runs has."""

    max_regression: float
    confidence: float
    changes: tuple[Change, ...]
    only_before: tuple[Cell, ...]
    only_after: tuple[Cell, ...]

    @property
    def regressions(self) -> tuple[Change, ...]:
        """The changes shown to be worse by more than `max_regression`."""
        return tuple(change for change in self.changes if change.regressed)

    @property
    def improvements(self) -> tuple[Change, ...]:
        """The changes shown to be for the better."""
        return tuple(change for change in self.changes if change.improved)

    @property
    def blind(self) -> tuple[Change, ...]:
        """The changes too noisy to show a regression of `max_regression`; if that is 0, to show any regression."""
        allowed = self.max_regression or math.inf
        return tuple(
            change
            for change in self.changes
            if (detectable := change.detectable_ratio) is None or detectable > allowed
        )


def identity(cell: Cell) -> Identity:
    """What two cells of two runs must have in common to be compared: all that was asked for."""
    return cell.inference, cell.task, cell.containment, cell.placement, cell.clocks


def compare(
    before: Sequence[Evidence], after: Sequence[Evidence], max_regression: float = 0.0, confidence: float = 0.95
) -> Comparison:
    """Return what changed from `before` to `after`, two runs of the same study.

    A change is a regression if it is shown to be more than `max_regression` for the worse; 0.02 = 2 %. Raises
    SpecError for a `max_regression` below 0, or a confidence outside of 0.5 to 1.
    """
    if not 0 <= max_regression < math.inf:
        raise SpecError(
            f"the largest regression is {as_written(max_regression)}; it must be 0 or above, as in 0.02 for 2 %"
        )
    if not 0.5 <= confidence < 1:
        raise SpecError(f"confidence {as_written(confidence)} must lie between 0.5 and 1, as in 0.95")
    others = {identity(each.cell): each for each in after}
    common = [(each, others[identity(each.cell)]) for each in before if identity(each.cell) in others]
    known = {q: [pair for pair in common if all(q in side.values for side in pair)] for q in COMPARED}
    tail = (1 - confidence) / max(1, sum(map(len, known.values())))
    changes = [
        Change(
            a.cell,
            b.cell,
            quantity,
            ratio,
            regressed=ratio.lo is not None and ratio.lo > 1 + max_regression,
            improved=ratio.hi is not None and ratio.hi < 1,
        )
        for quantity, pairs in known.items()
        for (a, b), ratio in zip(pairs, _ratios(pairs, quantity, tail), strict=True)
    ]
    rows = {identity(a.cell): row for row, (a, _) in enumerate(common)}
    shared = rows.keys()
    return Comparison(
        max_regression,
        confidence,
        changes=tuple(sorted(changes, key=lambda change: rows[identity(change.before)])),
        only_before=tuple(each.cell for each in before if identity(each.cell) not in shared),
        only_after=tuple(each.cell for each in after if identity(each.cell) not in shared),
    )


def _ratios(pairs: Sequence[tuple[Evidence, Evidence]], quantity: Quantity, tail: float) -> list[Interval]:
    a, b = (means(table([pair[side] for pair in pairs], quantity)) for side in (0, 1))
    change, square_a, square_b = b.mean - a.mean, a.error**2, b.error**2
    error, spread = np.sqrt(square_a + square_b), square_a**2 / a.df + square_b**2 / b.df
    df = np.divide(error**4, spread, out=np.ones_like(error), where=spread > 0)
    half = stdtrit(df, 1 - tail) * error
    ends = zip(change.tolist(), (change - half).tolist(), (change + half).tolist(), strict=True)
    return [Interval(quantity.exp(value), quantity.end(lo), quantity.end(hi)) for value, lo, hi in ends]
