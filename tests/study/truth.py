"""Latencies whose true quantiles are known, shaped like a machine's: what every interval is tested against."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import FloatArray, Trial, TrialRecord

NETWORK = Inference("alexnet", "synthetic")
TASK = Task("bitcount")
NATIVE = ClockPoint()
ISOLATED = Placement("isolated", (0,), (1,), (1,))
SPEC = SweepSpec((NETWORK,), (TASK,))


def tail_slowdown(slowdown: float, tail_ratio: float, quantile: float) -> float:
    """The ratio of a quantile beside the task to that alone, where the log of what lies above the median grows by
    `tail_ratio` times the square of its normal score.
    """
    return slowdown * math.exp(tail_ratio * max(float(ndtri(quantile)), 0.0) ** 2)


@dataclass(frozen=True)
class Truth:
    """Pairs of windows: the log of a latency is a median, the block's drift, the window's noise and a body.

    The body is `body * z`, z an autoregressive normal series of lag-one correlation `rho`. Co-located it is
    `body * (z + tail * z^2)` above the median: a power-law tail of index `1 / (2 * body * tail)`. Both rise
    with z and leave the median where it is, so every true quantile is known in closed form.
    """

    slowdown: float = 1.13
    rho: float = 0.0
    tail: float = 0.0
    body: float = 0.05
    drift: float = 0.03
    window_noise: float = 0.01
    solo_s: float = 0.010

    def slowdown_at(self, quantile: float) -> float:
        """The true ratio of the co-located to the solo quantile."""
        return tail_slowdown(self.slowdown, self.body * self.tail, quantile)

    def draw(self, rng: np.random.Generator, repetitions: int, blocks: int, n: int) -> tuple[FloatArray, FloatArray]:
        """Solo and co-located latencies in seconds, each (n, repetitions, blocks), the first index in time."""
        shape = (repetitions, blocks)
        # A random walk: neighbouring blocks are alike, as under slow heating.
        drift = self.drift * rng.standard_normal(shape).cumsum(axis=1)
        z = series(rng, self.rho, n, shape)
        solo = drift + self.window_noise * rng.standard_normal(shape) + self.body * z
        z = series(rng, self.rho, n, shape)
        z += self.tail * np.maximum(z, 0.0) ** 2
        colocated = drift + self.window_noise * rng.standard_normal(shape) + self.body * z
        return self.solo_s * np.exp(solo), self.solo_s * self.slowdown * np.exp(colocated)


def series(rng: np.random.Generator, rho: float, n: int, shape: tuple[int, ...] = ()) -> FloatArray:
    """Stationary autoregressive series (n, *shape) of mean 0, variance 1 and lag-one correlation `rho`."""
    z = rng.standard_normal((n, *shape))
    for i in range(1, n if rho else 0):
        z[i] = rho * z[i - 1] + math.sqrt(1 - rho**2) * z[i]
    return z


def trial(
    block: int = 0,
    task: Task | None = None,
    inference: Inference | None = NETWORK,
    clocks: ClockPoint = NATIVE,
    placement: Placement = ISOLATED,
) -> Trial:
    """A trial with an id of its own, in a repeat of its own block."""
    name = f"{block}:{inference}:{task}:{clocks}:{placement.name}"
    return Trial(name, block, block, inference, task, clocks, placement, 0.3, 0.2, 2.0)


def record(of: Trial, latencies_s: FloatArray) -> TrialRecord:
    """What the trial showed, had inferences followed each other without a gap."""
    return TrialRecord(of, 0.0, of.window_s, np.cumsum(latencies_s) - latencies_s, latencies_s)


def records(solo: FloatArray, colocated: FloatArray, task: Task = TASK) -> Iterator[TrialRecord]:
    """One solo and one co-located record per block, from latencies (n, blocks) each."""
    for block in range(solo.shape[1]):
        yield record(trial(block), solo[:, block])
        yield record(trial(block, task), colocated[:, block])
