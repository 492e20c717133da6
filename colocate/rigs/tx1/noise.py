"""The board's unrest: latencies that follow one another, rare interruptions, drift between blocks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import numpy as np
from scipy.signal import lfilter

from colocate.model.trial import FloatArray, Trial
from colocate.rigs.tx1.constants import Constants


def generator(seed: str) -> np.random.Generator:
    """A generator of random numbers that any text seeds, the same on every machine."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:16], "big"))


def drift(trial: Trial, constants: Constants) -> float:
    """By how much everything in this window is slower than it should be; around 1.

    One part belongs to the block, so all windows that share a solo baseline have it, one to the window alone.
    """
    how = None if trial.inference is None else trial.inference.present
    shared = (trial.block, asdict(trial.clocks), how)
    of_block = generator(f"block {json.dumps(shared, sort_keys=True)}").standard_normal()
    of_window = generator(f"window {trial.trial_id}").standard_normal()
    return float(np.exp(constants.block_ratio * of_block + constants.window_ratio * of_window))


def latencies_s(latency_s: float, count: int, rng: np.random.Generator, constants: Constants) -> FloatArray:
    """`count` latencies (n,) around `latency_s`: a first-order autoregression of the log, and a rare long tail."""
    c = constants
    innovations = rng.standard_normal(count)
    # The first comes from the stationary distribution, the rest from what the one before leaves open.
    innovations[1:] *= np.sqrt(1 - c.jitter_memory**2)
    jitter = lfilter([1.0], [1.0, -c.jitter_memory], innovations)
    interrupted = rng.random(count) < c.tail_share
    delays = np.where(interrupted, c.tail_ratio * rng.standard_exponential(count), 0.0)
    found: FloatArray = latency_s * (np.exp(c.jitter_ratio * jitter) + delays)
    return found
