"""Boards as a random effect: what boards like the measured ones do, how much they differ, and which one is odd.

All of it takes one number per board, on a scale on which boards are about normal: the logarithm of a latency or a
slowdown. The mean of a board's blocks is that number, so that a bound holds for what a study of the same length would
show on another board. It is a little wide for a board's true level, as the noise of its blocks is in it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import nctdtrit, ndtri, stdtrit

from colocate.model.cell import Interval
from colocate.model.trial import FloatArray

# The share of boards that a promise is for, unless it says otherwise.
SHARE_OF_BOARDS = 0.95
# With fewer boards the scatter of the others is itself too uncertain to call one odd.
ODD_MIN_BOARDS = 5
_ODD_ERROR = 0.05
# The median absolute deviation of a normal series, times this, is its standard deviation.
_PER_MAD = 1.4826


def quantile_over_boards(levels: FloatArray, tail: float, share: float = SHARE_OF_BOARDS) -> Interval:
    """The quantile `share` of boards like those with these `levels` (boards,), with an end on either side.

    Each end fails with the chance `tail`. The upper one is the one-sided tolerance bound: with the confidence
    1 - tail at least the share of boards lies below. Of n normal levels with mean m and standard deviation s both are
    exact,

        m + s * nct(p; n - 1, z(share) * sqrt(n)) / sqrt(n)

    where nct is the noncentral t distribution and p is 1 - tail above and tail below (Hahn and Meeker 1991,
    Statistical Intervals, section 4.6). One board gives no ends.
    """
    boards, mean = len(levels), float(levels.mean())
    if boards == 1:
        return Interval(mean, None, None)
    spread = float(levels.std(ddof=1))
    lo, hi = (mean + spread * _factor(boards, p, share) for p in (tail, 1 - tail))
    return Interval(mean + spread * float(ndtri(share)), lo, hi)


@functools.lru_cache(maxsize=256)
def _factor(boards: int, p: float, share: float) -> float:
    """How many standard deviations an end lies above the mean; a table asks for the same again and again."""
    root = math.sqrt(boards)
    return float(nctdtrit(boards - 1, float(ndtri(share)) * root, p)) / root


@dataclass(frozen=True, slots=True)
class Scatter:
    """How `levels` scatter: variances `between` boards and `inside` one, from block to block.

    `inside` is None where no board has two blocks, `between` with one board. `boards` and `blocks` are how many there
    are.
    """

    between: float | None
    inside: float | None
    boards: int
    blocks: int

    @property
    def between_share(self) -> float | None:
        """The share of the variance of a single block that is between boards; None where it is not known."""
        if self.between is None or self.inside is None or not self.between + self.inside:
            return None
        return self.between / (self.between + self.inside)


def scatter(levels: Sequence[FloatArray]) -> Scatter:
    """The variances of one-way random effects, from the levels of each board's blocks, (blocks,) each.

    The estimates of the analysis of variance for unequal numbers of blocks (Searle, Casella and McCulloch 1992,
    Variance Components, section 3.6): the mean square inside boards, and that between them less it, over the mean
    number of blocks of a board; where that is below 0 it is 0. Raises ValueError for a board without a block.
    """
    if not levels or not all(len(own) for own in levels):
        raise ValueError("every board needs a block")
    counts = np.array([len(own) for own in levels], dtype=np.float64)
    boards, blocks = len(levels), int(counts.sum())
    within = float(sum(((own - own.mean()) ** 2).sum() for own in levels))
    inside = within / (blocks - boards) if blocks > boards else None
    if boards == 1:
        return Scatter(None, inside, boards, blocks)
    means = np.array([own.mean() for own in levels])
    grand = float(np.average(means, weights=counts))
    between = float((counts * (means - grand) ** 2).sum()) / (boards - 1)
    per_board = (blocks - float((counts**2).sum()) / blocks) / (boards - 1)
    return Scatter(max(0.0, (between - (inside or 0.0)) / per_board), inside, boards, blocks)


def odd_scores(levels: FloatArray, errors: FloatArray) -> FloatArray:
    """How far each board lies from the others, over their scatter: (boards,) for `levels` (boards,).

    A robust z: the distance from the median of the others over their median absolute deviation, which one more odd
    board among them hardly moves. `errors` (boards,) are the standard errors of the levels, below which no distance
    means anything. Not a number with fewer than `ODD_MIN_BOARDS` boards.
    """
    scores = np.full(len(levels), np.nan)
    if len(levels) < ODD_MIN_BOARDS:
        return scores
    for board, (level, error) in enumerate(zip(levels, errors, strict=True)):
        others = np.delete(levels, board)
        middle = np.median(others)
        spread = math.hypot(_PER_MAD * float(np.median(np.abs(others - middle))), float(error))
        scores[board] = 0.0 if level == middle else (level - middle) / spread if spread else math.inf
    return scores


def odd_limit(boards: int) -> float:
    """The score beyond which a board is called odd: in a fleet of alike boards the chance of any is about 5 %.

    The median absolute deviation of n values knows a scatter about as well as the standard deviation of 0.37 n
    (Rousseeuw and Croux 1993, Journal of the American Statistical Association 88(424)), hence Student's t with so few
    degrees of freedom, at a tail that all boards share.
    """
    return float(stdtrit(max(1.0, 0.37 * (boards - 1)), 1 - _ODD_ERROR / (2 * boards)))
