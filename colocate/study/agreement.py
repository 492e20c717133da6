"""Do alternating windows show the slowdown that steady windows show?

Both show effects that act within one segment. Heat and slow governors act in steady windows alone, so there the two
designs differ. Steady pairs are few and scatter more. They are too coarse to measure by, but a large difference
shows. For each cell, a t statistic compares the means of the log ratios:

    t = (mean of steady pairs - mean of alternating windows) / sqrt(s^2 / pairs + a^2 / windows)

a^2 is the variance of the cell's alternating windows. s^2 is the variance of the steady pairs, pooled over all cells
of the network, because two steady pairs say little about their own scatter. But some cells scatter more than others.
The alternating windows of a cell show how much two unpaired windows of it would scatter. If this variance is larger
than the pooled one, it takes its place, moderated by the other cells (`stats.moderated_variance`).

Both the median and the mean of the latencies are tested, so the smaller p-value is doubled. Benjamini and Hochberg's
procedure picks the cells that differ beyond chance (1995, Journal of the Royal Statistical Society B 57(1)). If no
cell differs, it picks one in a share `FALSE_ALARMS` of tables. If many differ, it demands less of each. In
tests/bench/test_alternating_verdicts.py, at most 4.3 % of tables with cells that scatter 6-fold apart have a false
alarm.
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
    """The log ratios and log latencies of one cell in each design; the last axis of every array is (median, mean).

    `steady` (pairs, 2) and `alternating` (windows, 2) are log slowdowns. `alone` and `beside` (windows, 2) are the
    log latencies of the alternating windows without and with the task. Variances of `steady` are pooled within a
    `network`.
    """

    network: Hashable
    steady: FloatArray
    alternating: FloatArray
    alone: FloatArray
    beside: FloatArray

    @property
    def comparable(self) -> bool:
        """Whether each design has at least `WINDOWS_MIN` values."""
        return min(len(self.steady), len(self.alternating)) >= WINDOWS_MIN


def differing(cells: Sequence[Designs]) -> list[bool]:
    """Return for each cell whether its designs differ beyond chance; False too if it has too few windows to tell."""
    told = [cell for cell in cells if cell.comparable]
    if not told:
        return [False for _ in cells]
    chances = _chances(told)
    ranked = np.sort(chances)
    passing = ranked[ranked <= FALSE_ALARMS * np.arange(1, len(ranked) + 1) / len(ranked)]
    picked = {id(cell) for cell, chance in zip(told, chances, strict=True) if len(passing) and chance <= passing[-1]}
    return [id(cell) in picked for cell in cells]


def _chances(cells: Sequence[Designs]) -> FloatArray:
    """Return the p-values (cells,): the chance of a difference this large, in median or mean, if there is none."""
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
    # The pooled variance is used only where it is the larger, so the other's degrees of freedom would hold too.
    df = np.where(pooled >= unpaired, np.maximum(pooled_df, df + gained), df + gained)
    difference = np.array([cell.steady.mean(axis=0) - cell.alternating.mean(axis=0) for cell in cells])
    # Equal windows, as of a model without noise, differ by rounding.
    error = np.maximum(np.sqrt(variance / pairs + alternating / windows), 1e-9)
    p = 2 * stdtr(df, -np.abs(difference) / error)
    return np.asarray(np.minimum(1.0, 2 * p.min(axis=1)))


def _pooled(cells: Sequence[Designs], variance: FloatArray, df: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return for each cell the pooled variance of its network (cells, 2), and its degrees of freedom (cells, 1).

    `variance` (cells, 2) and `df` (cells, 1) are those of the single cells.
    """
    networks = np.array([[a.network == b.network for b in cells] for a in cells], dtype=np.float64)
    return networks @ (df * variance) / (networks @ df), networks @ df
