"""Evidence -> simultaneous bounds of a whole table, which know nothing of any limit.

So whatever limits are set, on the command line or by a slider, one rule gives the verdicts:

    UNSAFE if any lower bound breaks its limit; else SAFE if all upper bounds meet theirs; else UNDECIDED.

Over the whole table the chance of any wrong SAFE is at most 1 - confidence, and so is that of any wrong UNSAFE. Let
m be the judged cells, and k the kinds of quantity (latency, slowdown, power, work loss) that the table holds. A
wrong SAFE needs the upper bound of one particular quantity to fail, the one whose limit is broken, so it is an
intersection-union test and needs no correction over quantities (Berger 1982, Technometrics 24(4)): tail
(1 - confidence) / m. A wrong UNSAFE can come from any kind: tail (1 - confidence) / (m k). Both are Bonferroni's
inequality, which holds however the cells depend on each other; those of a block share a baseline, so they do.

Where every board of a fleet ran the table, a verdict is on these boards: SAFE where each of them is, UNSAFE where one
is not. The bounds of a cell are then those of its worst board. A wrong SAFE still needs one particular bound to fail;
a wrong UNSAFE can come from any board, so the lower tail is shared by them, too.

The promise is for limits that are set for their own sake. Who moves several of them until the colours please can
push the chance of a wrong SAFE to k times as much. A quantile is one question, asked on its own: bounds at several
quantiles are not corrected for each other. Blocks count as independent; a drift over the whole run widens the
intervals of latency and power, and cancels in slowdown and work loss.
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

# What `further_blocks` calls probable, and the most blocks it still calls a plan.
PROBABLE = 0.8
MOST_FURTHER_BLOCKS = 1000
# Below this chance of a verdict by the last look, further blocks are not worth their time.
HOPE = 0.1
FOREVER = 1_000_000_000


class Look(NamedTuple):
    """A look at the table after `repeats` repeats that may spend `share` of the error."""

    repeats: int
    share: float


Looks = Callable[[int], Sequence[Look]]
"""The looks taken at a table by the time it has so many repeats."""


def once(repeats: int) -> tuple[Look, ...]:
    """The fixed design: a single look, at all there is."""
    return (Look(repeats, 1.0),)


class Tails(NamedTuple):
    """The chance of failing that one upper, and one lower, bound of the table is allowed."""

    upper: float
    lower: float


class Means(NamedTuple):
    """Row means, all (m,): how many `blocks` went into each, the moderated standard deviation between blocks, and the
    degrees of freedom gained by moderation. Not a number where a row has no value, or for `spread` only one.
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
    """The means of the rows of `values` (m, repeats), their variances moderated over the rows.

    Not a number marks a repeat without a value.
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
    """Lower and upper bounds (m,) of the row means of `values` (m, repeats); they hold at all `looks` at once.

    Not a number marks a repeat without a value, and a bound that does not exist. At each look Student's t with
    moderated variances, each tail cut to the share of that look,

        mean -+ t(blocks - 1 + d0, 1 - tail * share) * s / sqrt(blocks)

    and of all looks the tightest. Where the shares add up to no more than 1, so do the chances of failing at any look
    (error spending, Lan and DeMets 1983, Biometrika 70(3), by Bonferroni's inequality): one may stop at any time
    and for any reason, and what a look has once shown stays shown.
    """
    lo, hi = np.full(len(values), np.nan), np.full(len(values), np.nan)
    for look in looks:
        seen = means(values[:, : look.repeats])
        lo = np.fmax(lo, seen.mean - stdtrit(seen.df, 1 - tails.lower * look.share) * seen.error)
        hi = np.fmin(hi, seen.mean + stdtrit(seen.df, 1 - tails.upper * look.share) * seen.error)
    return lo, hi


@dataclass(frozen=True, slots=True)
class Estimate:
    """One quantity of one cell: its geometric mean over `blocks` blocks, and its simultaneous bounds.

    An end of `interval` is None where the data cannot give it: both with one block, the upper one where warnings
    withhold the word SAFE (`Evidence.withheld`). `mean_log` and the moderated standard deviation between blocks,
    `spread_log`, are on the scale of `Quantity.log`; the latter is None with one block. `prior_df` are the degrees of
    freedom that moderation added.
    """

    interval: Interval
    blocks: int
    mean_log: float
    spread_log: float | None
    prior_df: float


@dataclass(frozen=True, slots=True)
class Bounds:
    """All that one cell's verdict under any limits rests on; an absent quantity has no entry."""

    evidence: Evidence
    estimates: Mapping[Quantity, Estimate]
    tails: Tails
    looks: Looks

    def further_blocks(self, quantity: Quantity, limit: float) -> int | None:
        """How many further blocks would carry the bounds of `quantity` past `limit` with a chance of `PROBABLE`.

        None where there is no spread to go by, or where it would take more than `MOST_FURTHER_BLOCKS`.
        """
        further = np.unique(np.geomspace(1, MOST_FURTHER_BLOCKS, 100).round())
        passes = self._passes(quantity, limit, self.estimates[quantity].blocks + further, PROBABLE)
        return int(further[passes.argmax()]) if passes.any() else None

    def needed_blocks(self, quantity: Quantity, limit: float) -> float:
        """How many blocks in all carry the bounds of `quantity` past `limit` with a chance of `PROBABLE`, were mean
        and scatter what they seem to be; infinite where there is no scatter to go by, or more than
        `MOST_FURTHER_BLOCKS` would not do.
        """
        if self.estimates[quantity].spread_log == 0:
            return 2
        blocks = np.arange(2.0, MOST_FURTHER_BLOCKS)
        passes = self._passes(quantity, limit, blocks, PROBABLE)
        return float(blocks[passes.argmax()]) if passes.any() else math.inf

    def hopeful(self, quantity: Quantity, limit: float) -> bool:
        """Whether by the last look the bounds of `quantity` may pass `limit`, with a chance of `HOPE` at least."""
        estimate, last = self.estimates[quantity], self.looks(FOREVER)[-1].repeats
        if estimate.blocks >= last or not estimate.spread_log:
            return estimate.blocks < last
        return bool(self._passes(quantity, limit, np.array([float(last)]), HOPE).all())

    def _passes(self, quantity: Quantity, limit: float, blocks: FloatArray, chance: float) -> npt.NDArray[np.bool_]:
        """Whether the half-width at so many `blocks` (n,) fits between mean and limit, were both to stay as they are.

        It must do so with the error that the mean will then still have, at the quantile `chance` of that error.
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
    """The bounds of every judged cell, those with a task, in the order of `evidence`.

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
    """Of the estimates of each board what decides: a board without one keeps the cell from being SAFE."""
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
    """The values of `quantity` on the scale of `Quantity.log`, (cells, repeats); not a number where absent."""
    return rows([each.values.get(quantity, {}) for each in evidence], quantity)


def rows(series: Sequence[Mapping[int, float]], quantity: Quantity) -> FloatArray:
    """An array like that of `table`, from the values of each cell by repeat."""
    repeats = 1 + max((repeat for values in series for repeat in values), default=-1)
    found = np.full((len(series), repeats), np.nan)
    for row, values in enumerate(series):
        for repeat, value in values.items():
            found[row, repeat] = quantity.log(value)
    return found
