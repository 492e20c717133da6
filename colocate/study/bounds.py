"""Evidence -> simultaneous bounds of a whole table. They do not depend on any limit.

So one rule gives the verdicts, whatever limits are set on the command line or with a slider:

    UNSAFE if any lower bound breaks its limit; else SAFE if all upper bounds meet theirs; else UNDECIDED.

Over the whole table, the chance of any wrong SAFE is at most 1 - confidence, and so is the chance of any wrong
UNSAFE. With m judged cells, and k kinds of quantity (latency, slowdown, power, work loss) in the table:

- A SAFE is wrong if some quantity really breaks its limit. Then the upper bound of just that quantity has failed. So
  this is an intersection-union test, which needs no correction over quantities (Berger 1982, Technometrics 24(4)):
  the tail of an upper bound is (1 - confidence) / m.
- A wrong UNSAFE can come from any kind: the tail of a lower bound is (1 - confidence) / (m k).

Both tails follow from Bonferroni's inequality. It holds even for dependent cells, and the cells of a block depend on
each other, as they share a baseline.

If every board of a fleet ran the table, a verdict is on these boards: SAFE if each of them is, UNSAFE if one is not.
The bounds of a cell are then those of its worst board. A wrong SAFE still needs one particular bound to fail. A wrong
UNSAFE can come from any board, so the lower tail is divided among the boards too.

This holds for limits that are set without looking at the verdicts. Changing several limits until the verdicts please
can raise the chance of a wrong SAFE up to k-fold. Bounds at several percentiles are not corrected for each other.
Blocks are taken to be independent. A drift over the whole run widens the intervals of latency and power, and cancels
in slowdown and work loss.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from colocate.model.cell import Interval
from colocate.model.limits import Quantity
from colocate.model.trial import FloatArray
from colocate.study.evidence import Evidence
from colocate.study.stats import moderated_variance

# The chance of a verdict that `further_blocks` aims at, and the most blocks that it suggests.
PROBABLE = 0.8
MOST_FURTHER_BLOCKS = 1000
# Below this chance of a verdict by the last look, further blocks are not worth their time.
HOPE = 0.1
FOREVER = 1_000_000_000


class Look(NamedTuple):
    """A look at the table after `repeats` repeats. It may spend the share `share` of the allowed error."""

    repeats: int
    share: float


Looks = Callable[[int], Sequence[Look]]
"""Number of repeats that a table has -> the looks taken at it by then."""


def once(repeats: int) -> tuple[Look, ...]:
    """Return the looks of a fixed design: a single one, after all `repeats`."""
    return (Look(repeats, 1.0),)


class Tails(NamedTuple):
    """The chance with which each upper bound, and each lower bound, of the table may fail."""

    upper: float
    lower: float


class Means(NamedTuple):
    """The mean of each of m rows, and how sure it is; every array is (m,).

    `blocks` is how many values a row has. `spread` is the moderated standard deviation between blocks
    (`stats.moderated_variance`), and `prior_df` the degrees of freedom that moderation added. `mean` is NaN without
    values, `spread` with fewer than two.
    """

    mean: FloatArray
    blocks: FloatArray
    spread: FloatArray
    prior_df: FloatArray

    @property
    def error(self) -> FloatArray:
        """The standard error of each mean."""
        return self.spread / np.sqrt(np.maximum(self.blocks, 1))

    @property
    def df(self) -> FloatArray:
        """The degrees of freedom of each standard error."""
        return self.blocks - 1 + self.prior_df


def means(values: FloatArray) -> Means:
    """Return the means of the rows of `values` (m, repeats), with variances moderated over the rows.

    NaN marks a repeat without a value.
    """
    present = np.isfinite(values)
    blocks = present.sum(axis=1).astype(np.float64)
    mean = np.where(present, values, 0.0).sum(axis=1) / np.where(blocks > 0, blocks, np.nan)
    residual = np.where(present, values - mean[:, None], 0.0)
    # Equal values differ by rounding once they are logarithms.
    residual[np.abs(residual) < 1e-12] = 0.0
    variance = (residual**2).sum(axis=1) / np.maximum(blocks - 1, 1)
    moderated, prior_df = moderated_variance(variance, np.maximum(blocks - 1, 0))
    return Means(mean, blocks, np.where(blocks > 1, np.sqrt(moderated), np.nan), prior_df)


def mean_bounds(values: FloatArray, tails: Tails, looks: Sequence[Look]) -> tuple[FloatArray, FloatArray]:
    """Return lower and upper bounds (m,) of the row means of `values` (m, repeats); they hold at all `looks` at once.

    NaN marks a repeat without a value, and a bound that does not exist. Each look gives bounds by Student's t with
    moderated variances:

        mean -+ t(blocks - 1 + d0, 1 - tail * share) * s / sqrt(blocks)

    d0 is `Means.prior_df`, and `share` the look's part of the allowed error. The tightest bounds of all looks are
    returned. If the shares add up to at most 1, the chance that a bound fails at any look is at most its tail (error
    spending, Lan and DeMets 1983, Biometrika 70(3), by Bonferroni's inequality). So a study may stop at any time and
    for any reason, and what one look has shown stays.
    """
    lo, hi = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for look in looks:
        seen = means(values[:, : look.repeats])
        lo = np.fmax(lo, seen.mean - stdtrit(seen.df, 1 - tails.lower * look.share) * seen.error)
        hi = np.fmin(hi, seen.mean + stdtrit(seen.df, 1 - tails.upper * look.share) * seen.error)
    return lo, hi


@dataclass(frozen=True, slots=True)
class Estimate:
    """One quantity of one cell: its mean over `blocks` blocks, and its simultaneous bounds.

    `interval` has the mean and the bounds in the quantity's unit. An end is None if the data cannot give it: both
    with one block, and the upper one if warnings rule out SAFE (`Evidence.withheld`). `mean_log` and `spread_log`,
    the moderated standard deviation between blocks, are on the scale of `Quantity.log`; `spread_log` is None with one
    block. `prior_df` are the degrees of freedom that moderation added.
    """

    interval: Interval
    blocks: int
    mean_log: float
    spread_log: float | None
    prior_df: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """All that the verdict on one cell rests on, whatever the limits. A quantity without values has no estimate."""

    evidence: Evidence
    estimates: Mapping[Quantity, Estimate]
    tails: Tails
    looks: Looks

    def further_blocks(self, quantity: Quantity, limit: float) -> int | None:
        """Return about how many more blocks it takes until the interval of `quantity` excludes `limit`.

        With that many, it does so with the chance `PROBABLE`. None if the spread between blocks is unknown or 0, or
        if more than `MOST_FURTHER_BLOCKS` would be needed.
        """
        further = np.unique(np.geomspace(1, MOST_FURTHER_BLOCKS, 100).round())
        passes = self._passes(quantity, limit, self.estimates[quantity].blocks + further, PROBABLE)
        return int(further[passes.argmax()]) if passes.any() else None

    def needed_blocks(self, quantity: Quantity, limit: float) -> float:
        """Return how many blocks in all it takes until the interval of `quantity` excludes `limit`.

        With that many, it does so with the chance `PROBABLE`, if mean and spread stay as they are. 2 if the spread
        between blocks is 0; infinity if it is unknown, or if more than `MOST_FURTHER_BLOCKS` would be needed.
        """
        if self.estimates[quantity].spread_log == 0:
            return 2
        blocks = np.arange(2.0, MOST_FURTHER_BLOCKS + 1)
        passes = self._passes(quantity, limit, blocks, PROBABLE)
        return float(blocks[passes.argmax()]) if passes.any() else math.inf

    def hopeful(self, quantity: Quantity, limit: float) -> bool:
        """Whether `quantity` has at least the chance `HOPE` that its interval excludes `limit` by the last look."""
        estimate, last = self.estimates[quantity], self.looks(FOREVER)[-1].repeats
        if estimate.blocks >= last or not estimate.spread_log:
            return estimate.blocks < last
        return bool(self._passes(quantity, limit, np.array([float(last)]), HOPE).all())

    def _passes(self, quantity: Quantity, limit: float, blocks: FloatArray, chance: float) -> npt.NDArray[np.bool_]:
        """Return for each number of `blocks` (n,) whether the interval will exclude `limit`, with the given `chance`.

        Mean and spread are taken to stay as they are. The half-width, plus the `chance` quantile of the mean's own
        error, must fit between mean and limit.
        """
        estimate = self.estimates[quantity]
        if not estimate.spread_log:
            return np.zeros(len(blocks), dtype=np.bool_)
        distance = quantity.log(limit) - estimate.mean_log
        share = np.array([looks[-1].share if (looks := self.looks(int(n))) else np.nan for n in blocks])
        tail = (self.tails.upper if distance > 0 else self.tails.lower) * share
        widths = stdtrit(blocks - 1 + estimate.prior_df, 1 - tail) + ndtri(chance)
        passes: npt.NDArray[np.bool_] = widths * estimate.spread_log / np.sqrt(blocks) <= abs(distance)
        return passes


def bounds(evidence: Sequence[Evidence], confidence: float = 0.95, looks: Looks = once) -> tuple[Bounds, ...]:
    """Return the bounds of every judged cell, that is of every cell with a task, in the order of `evidence`.

    `looks` is how often the table was looked at while it grew: `once`, or a `sequential.Schedule`.
    """
    judged = [each for each in evidence if each.colocated]
    rows = [own for each in judged for own in each.each_board]
    present = [quantity for quantity in Quantity if any(quantity in each.values for each in rows)]
    tails = Tails(
        upper=(1 - confidence) / max(1, len(judged)),
        lower=(1 - confidence) / max(1, len(rows) * len({quantity.kind for quantity in present})),
    )
    columns = {quantity: iter(_estimates(rows, quantity, tails, looks)) for quantity in present}
    found = []
    for each in judged:
        own = {q: [next(column) for _ in each.each_board] for q, column in columns.items()}
        known = [q for q in own if any(q in board.values for board in each.each_board)]
        found.append(Bounds(each, {q: _worst(each, q, own[q]) for q in known}, tails, looks))
    return tuple(found)


def _worst(cell: Evidence, quantity: Quantity, estimates: Sequence[Estimate]) -> Estimate:
    """Return the estimate that decides: of all boards, the highest mean and bounds.

    If a board has no estimate there is no upper bound, so the cell cannot be SAFE.
    """
    known = [each for own, each in zip(cell.each_board, estimates, strict=True) if quantity in own.values]
    if len(estimates) == 1:
        return estimates[0]
    worst = max(known, key=lambda each: math.inf if each.interval.hi is None else each.interval.hi)
    ends = [each.interval.lo for each in known if each.interval.lo is not None]
    interval = Interval(
        max(each.interval.value for each in known),
        max(ends, default=None),
        worst.interval.hi if len(known) == len(estimates) else None,
    )
    return dataclasses.replace(worst, interval=interval)


def _estimates(judged: Sequence[Evidence], quantity: Quantity, tails: Tails, looks: Looks) -> list[Estimate]:
    values = table(judged, quantity)
    columns = (*means(values), *mean_bounds(values, tails, looks(values.shape[1])))
    estimates = []
    for each, mean, blocks, spread, prior_df, lo, hi in zip(judged, *(c.tolist() for c in columns), strict=True):
        interval = Interval(
            value=quantity.exp(mean),
            lo=quantity.end(lo),
            hi=None if quantity in each.withheld else quantity.end(hi),
        )
        estimates.append(Estimate(interval, int(blocks), mean, None if math.isnan(spread) else spread, prior_df))
    return estimates


def table(evidence: Sequence[Evidence], quantity: Quantity) -> FloatArray:
    """Return the values of `quantity` on the scale of `Quantity.log`, (cells, repeats); NaN where one is absent."""
    return rows([each.values.get(quantity, {}) for each in evidence], quantity)


def rows(series: Sequence[Mapping[int, float]], quantity: Quantity) -> FloatArray:
    """Return an array like that of `table`, from the values by repeat of each cell."""
    repeats = 1 + max((repeat for values in series for repeat in values), default=-1)
    found = np.full((len(series), repeats), np.nan)
    for row, values in enumerate(series):
        for repeat, value in values.items():
            found[row, repeat] = quantity.log(value)
    return found
