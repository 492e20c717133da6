"""Do alternating windows see the slowdown that steady windows see?

What answers within a segment is in both. Heat, and a governor that takes its time, are in the steady windows alone:
there the two differ. Steady pairs are few and scatter more, so they are too coarse to measure by, but a large
difference shows. Each cell has a t statistic of its mean log ratios,

    t = (mean of steady pairs - mean of alternating windows) / sqrt(s^2 / pairs + a^2 / windows)

a^2 is the variance of its alternating windows. s^2 is that of the steady pairs of all cells of a network pooled, as
two pairs know little of theirs; and no less than what two windows of the cell would scatter by were they not paired,
as the latencies of its alternating windows show it: some cells scatter more than others. Either would do by itself,
so the larger of their degrees of freedom holds. The median and the mean of the latencies are tried, and count twice.
From all cells of the table those are picked whose difference is beyond chance (Benjamini and Hochberg 1995, Journal
of the Royal Statistical Society B 57(1)): where none differs one is picked in at most `FALSE_ALARMS` of tables, and
where many do the demand on each is less strict.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from colocate.model.trial import FloatArray

FALSE_ALARMS = 0.05
# A single window has no scatter to judge a difference by.
WINDOWS_MIN = 2


@dataclass(frozen=True, slots=True, eq=False)
class Designs:
    """What one cell shows by each design, all logarithms, the median and the mean of latencies last.

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
    by_network: defaultdict[Hashable, list[Designs]] = defaultdict(list)
    for cell in cells:
        if cell.comparable:
            by_network[cell.network].append(cell)
    pooled = {network: _pooled([cell.steady for cell in own]) for network, own in by_network.items()}
    chances = {id(cell): _chance(cell, *pooled[cell.network]) for cell in cells if cell.comparable}
    ranked = np.sort([*chances.values()])
    passing = ranked[ranked <= FALSE_ALARMS * np.arange(1, len(ranked) + 1) / max(1, len(ranked))]
    largest = float(passing[-1]) if len(passing) else -1.0
    return [chances.get(id(cell), 1.0) <= largest for cell in cells]


def _pooled(samples: Sequence[FloatArray]) -> tuple[FloatArray, int]:
    """The variances (2,) within the samples, and their degrees of freedom."""
    df = sum(len(sample) - 1 for sample in samples)
    return np.sum([((sample - sample.mean(axis=0)) ** 2).sum(axis=0) for sample in samples], axis=0) / df, df


def _chance(cell: Designs, pooled: FloatArray, df: int) -> float:
    """The chance of a difference as large, in the median or the mean, where there is none."""
    unpaired = cell.alone.var(axis=0, ddof=1) + cell.beside.var(axis=0, ddof=1)
    steady, alternating = np.maximum(pooled, unpaired), cell.alternating.var(axis=0, ddof=1)
    difference = np.abs(cell.steady.mean(axis=0) - cell.alternating.mean(axis=0))
    error = np.sqrt(steady / len(cell.steady) + alternating / len(cell.alternating))
    # Equal windows, as of a model without noise, differ by rounding.
    t = difference / np.maximum(error, 1e-9)
    return float(min(1.0, len(t) * 2 * stdtr(max(df, len(cell.alternating) - 1), -t).min()))
