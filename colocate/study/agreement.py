"""Do alternating windows see the slowdown that steady windows see?

What answers within a segment is in both. Heat, and a governor that takes its time, are in the steady windows alone:
there the two differ. Steady pairs are few and scatter more, so they are too coarse to measure by, but a large
difference shows. Each cell has a t statistic of its mean log ratios,

    t = (mean of steady pairs - mean of alternating windows) / sqrt(s^2 / pairs + a^2 / windows)

a^2 is the variance of its alternating windows. Two steady pairs know little of their own scatter, so s^2 is that of
the steady pairs of all cells of the network, pooled. But some cells scatter more than others: where two windows of
the cell, were they not paired, would scatter by more than that, as the latencies of its alternating windows show it,
s^2 is theirs, steadied by the other cells (`stats.moderated_variance`).

The median and the mean of the latencies are tried, and count twice. From all cells of the table those are picked
whose difference is beyond chance (Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57(1)):
where none differs one is picked in `FALSE_ALARMS` of tables, and where many do the demand on each is less strict. In
tests/bench/test_alternating_verdicts.py it is at most 4.3 % of tables with cells that scatter 6-fold apart.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from colocate.model.trial import FloatArray
from colocate.study.stats import moderated_variance

FALSE_ALARMS = 0.03
# A single window has no scatter to judge a difference by.
WINDOWS_MIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Designs:
    """What one cell shows by each design, as logarithms; the last axis is (median, mean).

    Ratios of `steady` pairs (pairs, 2) and of `alternating` windows (windows, 2), and the latencies (windows, 2) of
    the latter, `alone` and `beside` the task. Cells of one `network` scatter alike.
    """

    network: Hashable
    steady: FloatArray
    alternating: FloatArray
    alone: FloatArray
    beside: FloatArray

    @property
    def comparable(self) -> bool:
        """Whether there are enough windows of both designs."""
        return min(len(self.steady), len(self.alternating)) >= WINDOWS_MIN


def differing(cells: Sequence[Designs]) -> list[bool]:
    """Of each cell whether its designs differ beyond chance; False where there are too few windows to tell."""
    told = [cell for cell in cells if cell.comparable]
    if not told:
        return [False for _ in cells]
    chances = _chances(told)
    ranked = np.sort(chances)
    passing = ranked[ranked <= FALSE_ALARMS * np.arange(1, len(ranked) + 1) / len(ranked)]
    picked = {id(cell) for cell, chance in zip(told, chances, strict=True) if len(passing) and chance <= passing[-1]}
    return [id(cell) in picked for cell in cells]


def _chances(cells: Sequence[Designs]) -> FloatArray:
    """The chances (cells,) of a difference as large, in the median or the mean, where there is none."""
    steady, alternating, alone, beside = (
        np.array([getattr(cell, side).var(axis=0, ddof=1) for cell in cells])
        for side in ("steady", "alternating", "alone", "beside")
    )
    pairs, windows = (np.array([[len(getattr(cell, side))] for cell in cells]) for side in ("steady", "alternating"))
    unpaired, squares = alone + beside, alone**2 + beside**2
    df = np.divide((windows - 1) * unpaired**2, squares, out=windows - 1.0 + 0 * squares, where=squares > 0)
    moderated = [moderated_variance(unpaired[:, column], df[:, column]) for column in (0, 1)]
    own, gained = (np.transpose(each) for each in zip(*moderated, strict=True))
    pooled, pooled_df = _pooled(cells, steady, pairs - 1)
    variance = np.where(pooled >= unpaired, pooled, own)
    # Where the pooled variance is the larger one the other would do as well, by its own degrees of freedom.
    df = np.where(pooled >= unpaired, np.maximum(pooled_df, df + gained), df + gained)
    difference = np.array([cell.steady.mean(axis=0) - cell.alternating.mean(axis=0) for cell in cells])
    # Equal windows, as of a model without noise, differ by rounding.
    error = np.maximum(np.sqrt(variance / pairs + alternating / windows), 1e-9)
    p = 2 * stdtr(df, -np.abs(difference) / error)
    return np.asarray(np.minimum(1.0, 2 * p.min(axis=1)))


def _pooled(cells: Sequence[Designs], variance: FloatArray, df: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The variance (cells, 2) of each cell's network, and its degrees of freedom (cells, 1), from those of cells."""
    networks = np.array([[a.network == b.network for b in cells] for a in cells], dtype=np.float64)
    return networks @ (df * variance) / (networks @ df), networks @ df
