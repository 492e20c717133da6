"""Boards as a random effect: how boards like the measured ones behave, how much they differ, and which one is odd.

A board is represented by its level: the mean over its blocks of the logarithm of a latency or slowdown, which is
about normal over boards. So a bound holds for what a study of the same length would show on another board. For the
true level of a board it is a little wide, because levels include the noise of the blocks.
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

# The default share of boards that a promise is for.
SHARE_OF_BOARDS = 0.95
# With fewer boards, the scatter of the others is too uncertain to call one board odd.
ODD_MIN_BOARDS = 5
_ODD_ERROR = 0.05
# The median absolute deviation of a normal series, times this, is its standard deviation.
_PER_MAD = 1.4826


def quantile_over_boards(levels: FloatArray, tail: float, share: float = SHARE_OF_BOARDS) -> Interval:
    """Return the quantile `share` over all boards like those with these `levels` (boards,), with a lower and an upper
    end.

    Each end fails with the chance `tail`. The upper one is the one-sided tolerance bound: with the confidence 1 -
    tail, at least the share of all boards lies below it. For n normal levels with mean m and standard deviation s,
    both ends are exact,

        m + s * nct(p; n - 1, z(share) * sqrt(n)) / sqrt(n)

    where nct is the quantile of the noncentral t distribution, z that of the normal one, and p is 1 - tail for the
    upper end and tail for the lower (Hahn and Meeker 1991, Statistical Intervals, section 4.6). One board gives its
    level without ends.
    """
    boards, mean = len(levels), float(levels.mean())
    if boards == 1:
        return Interval(mean, None, None)
    spread = float(levels.std(ddof=1))
    lo, hi = (mean + spread * _factor(boards, p, share) for p in (tail, 1 - tail))
    return Interval(mean + spread * float(ndtri(share)), lo, hi)


@functools.lru_cache(maxsize=256)
def _factor(boards: int, p: float, share: float) -> float:
    """Return how many standard deviations an end lies above the mean. Cached, because a table repeats the same
    arguments.
    """
    root = math.sqrt(boards)
    return float(nctdtrit(boards - 1, float(ndtri(share)) * root, p)) / root


@dataclass(frozen=True, slots=True)
class Scatter:
    """The variance of levels `between` boards, and that `inside` a board from block to block.

    `inside` is None if no board has two blocks, `between` with one board. `boards` and `blocks` count both.
    """

    between: float | None
    inside: float | None
    boards: int
    blocks: int

    @property
    def between_share(self) -> float | None:
        """The share of a single block's variance that comes from differences between boards; None if unknown."""
        if self.between is None or self.inside is None or not self.between + self.inside:
            return None
        return self.between / (self.between + self.inside)


def scatter(levels: Sequence[FloatArray]) -> Scatter:
    """Return the variances of one-way random effects, from the levels of each board's blocks, (blocks,) each.

    The estimates are those of the analysis of variance for unequal numbers of blocks (Searle, Casella and McCulloch
    1992, Variance Components, section 3.6). `inside` is the mean square inside boards. `between` is (the mean square
    between boards - `inside`) / the mean number of blocks per board, and never below 0. Raises ValueError for a board
    without a block.
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
    """Return how far each board lies from the others, relative to their scatter: (boards,) for `levels` (boards,).

    The score is a robust z: the distance from the median of the others, over their median absolute deviation. A
    second odd board hardly changes these two. `errors` (boards,) are the standard errors of the levels. They enlarge
    the scatter, so that a distance within them does not count. NaN with fewer than `ODD_MIN_BOARDS` boards.
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
    """Return the score beyond which a board is called odd. About 5 % of fleets of alike boards have such a board.

    The median absolute deviation of n values knows their scatter about as well as the standard deviation of 0.37 n
    values does (Rousseeuw and Croux 1993, Journal of the American Statistical Association 88(424)). So the limit is
    Student's t with so few degrees of freedom, at a tail that all boards share.
    """
    return float(stdtrit(max(1.0, 0.37 * (boards - 1)), 1 - _ODD_ERROR / (2 * boards)))
