"""The model's noise: autocorrelated latencies, rare interruptions, and drift between and within windows."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict

import numpy as np

from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import FloatArray, Trial
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.course import Course
from colocate.rigs.tx1.leaky_sum import leaky_sum

# Steps per time constant: an average over one differs from the drift's own by less than anyone sees.
_STEPS = 10


def generator(seed: str) -> np.random.Generator:
    """Return a generator of random numbers with any text as its seed, the same on every machine."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big"))


def drift(trial: Trial, constants: Constants) -> float:
    """Return how many times slower everything in this window is than predicted; around 1.

    One factor belongs to the block, so all windows with the same solo baseline share it. Another belongs to the
    window.
    """
    of_block = _of_block(trial.block, trial.clocks, trial.inference)
    of_window = generator(f"window {trial.trial_id}").standard_normal()
    return float(np.exp(constants.block_ratio * of_block + constants.window_ratio * of_window))


@functools.lru_cache(maxsize=256)
def _of_block(block: int, clocks: ClockPoint, inference: Inference | None) -> float:
    """Return the random number that all windows of a block share."""
    how = None if inference is None else inference.present
    return generator(f"block {json.dumps((block, asdict(clocks), how), sort_keys=True)}").standard_normal()


def latencies_s(latency_s: float, count: int, rng: np.random.Generator, constants: Constants) -> FloatArray:
    """Return `count` latencies (n,) in s around `latency_s`: their logarithm is a first-order autoregression, with a
    rare long tail.
    """
    c = constants
    innovations = rng.standard_normal(count)
    # The first has the stationary variance, the rest what the one before leaves of it.
    innovations[1:] *= np.sqrt(1 - c.jitter_memory**2)
    jitter = leaky_sum(innovations, c.jitter_memory)
    interrupted = rng.random(count) < c.tail_share
    delays = np.where(interrupted, c.tail_ratio * rng.standard_exponential(count), 0.0)
    found: FloatArray = latency_s * (np.exp(c.jitter_ratio * jitter) + delays)
    return found


def speed_within(trial: Trial, span_s: float, constants: Constants) -> Course:
    """Return the speed of everything, around 1, as it drifts within a window over at least `span_s` seconds. Its
    logarithm is a first-order autoregression in time. A longer span begins with the same values.
    """
    c = constants
    if not c.drift_ratio:
        return Course(np.array([0.0, span_s]), np.ones(1))
    step_s = c.drift_s / _STEPS
    steps = int(np.ceil(span_s / step_s)) + 1
    innovations = generator(f"drift {trial.trial_id}").standard_normal(steps)
    kept = np.exp(-1 / _STEPS)
    innovations[1:] *= np.sqrt(1 - kept**2)
    drift = leaky_sum(innovations, float(kept))
    edges_s = step_s * np.arange(steps + 1, dtype=np.float64)
    return Course(edges_s, np.exp(c.drift_ratio * drift))


def drifted(
    trial: Trial, latencies_s: FloatArray, elapsed_s: float, constants: Constants
) -> tuple[FloatArray, float, float]:
    """Return the back-to-back `latencies_s` (n,) and the length of a steady window in s, both with the drift within
    it, and how many times slower the window is on average. Without latencies the length stays `elapsed_s`.
    """
    if not constants.drift_ratio:
        return latencies_s, elapsed_s, 1.0
    span_s = elapsed_s
    while (speed := speed_within(trial, span_s, constants)).done[-1] < elapsed_s:
        span_s *= 2
    if not len(latencies_s):
        return latencies_s, elapsed_s, elapsed_s / float(speed.done_by(np.array([elapsed_s]))[0])
    ends_s = speed.reached_s(np.cumsum(latencies_s))
    length_s = float(ends_s[-1])
    return np.diff(ends_s, prepend=0.0), length_s, length_s / elapsed_s
