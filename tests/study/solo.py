"""Windows of a network alone, back to back, with a meter beside them."""

from __future__ import annotations

import dataclasses

import numpy as np

from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import PowerTrace, TrialRecord
from tests.study.truth import NATIVE, NETWORK, record, trial


def solo(
    inference: Inference = NETWORK,
    latency_s: float = 0.01,
    watts: float | None = 5.0,
    repeat: int = 0,
    clocks: ClockPoint = NATIVE,
    n: int = 600,
) -> TrialRecord:
    """A window of `n` inferences back to back, their latencies even about `latency_s`."""
    latencies_s = latency_s * np.linspace(0.99, 1.01, n)
    np.random.default_rng(n).shuffle(latencies_s)
    made = record(trial(repeat, None, inference, clocks), latencies_s)
    trace = None if watts is None else PowerTrace(np.array([0.0]), np.array([[watts]]), ("VDD_IN",), 0.01)
    return dataclasses.replace(made, elapsed_s=float(latencies_s.sum()), power=trace)
