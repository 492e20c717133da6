"""The inferences of a steady window in virtual time: when each is due, and how long it takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from colocate.model.trial import Condition, FloatArray, Trial
from colocate.rigs.tx1.alternating import Conditions, Turns, inferring
from colocate.rigs.tx1.contained import quota_period_s
from colocate.rigs.tx1.course import Course, served
from colocate.rigs.tx1.model import OperatingPoint, Tx1Model
from colocate.rigs.tx1.noise import drift, drifted, generator, latencies_s, speed_within
from colocate.study.alternation import Pace, Turn


@dataclass(frozen=True, slots=True, eq=False)
class Inferred:
    """The inferences of a window of `elapsed_s`, which drift makes `slower` times as long.

    They are due at `due_s` (n,) and done `latencies_s` (n,) later. Some wait for the one before: they begin at
    `begins_s` (n,) and take `lengths_s` (n,).
    """

    due_s: FloatArray
    latencies_s: FloatArray
    begins_s: FloatArray
    lengths_s: FloatArray
    elapsed_s: float
    slower: float


def inferred(trial: Trial, setting: OperatingPoint, model: Tx1Model) -> Inferred:
    """Return the inferences of the trial at the clocks and beside the load of `setting`; none if it has no
    network.
    """
    c, slower = model.constants, drift(trial, model.constants)
    latencies, elapsed_s, period_s = np.empty(0), trial.window_s, None
    if trial.inference is not None:
        period_s = trial.inference.period_s
        typical_s = model.on_average(trial.inference, setting).latency_s * slower
        count = max(int(c.inferences_min), math.floor(trial.window_s / max(typical_s, period_s or 0.0)))
        if period_s is not None or quota_period_s(trial) is not None:
            return _in_course(trial, setting, model, latencies_s(1.0, count, generator(trial.trial_id), c))
        latencies = latencies_s(typical_s, count, generator(trial.trial_id), c)
        elapsed_s = float(latencies.sum())
    latencies, elapsed_s, slower_within = drifted(trial, latencies, elapsed_s, c)
    begins = np.cumsum(latencies) - latencies
    return Inferred(begins, latencies, begins, latencies, elapsed_s, slower * slower_within)


def _in_course(trial: Trial, setting: OperatingPoint, model: Tx1Model, amounts: FloatArray) -> Inferred:
    """Return inferences that have to do `amounts` (n,), around 1, and whose speed changes: they wait for frames, or
    the task beside them waits for its quota.
    """
    assert trial.inference is not None
    predicted, period_s = Conditions.of(trial, setting, model), trial.inference.period_s
    span_s = len(amounts) * max(predicted.beside.latency_s, period_s or 0.0)
    due_s = (period_s or 0.0) * np.arange(len(amounts), dtype=np.float64)
    while True:
        speed = _speed(trial, span_s, model)
        window = Turns([Turn(Condition.BESIDE, 0)], Pace(span_s, 0.0))
        course = inferring(*predicted.presences(window, trial), predicted, speed, model.constants.ramp_s)
        begins_s, ends_s = served(course, amounts, due_s)
        if np.isfinite(ends_s[-1]):
            break
        span_s *= 2
    due_s = begins_s if period_s is None else due_s
    elapsed_s = max(float(ends_s[-1]), len(amounts) * (period_s or 0.0))
    slower = elapsed_s / float(_speed(trial, elapsed_s, model).done_by(np.array([elapsed_s]))[0])
    return Inferred(due_s, ends_s - due_s, begins_s, ends_s - begins_s, elapsed_s, slower)


def _speed(trial: Trial, span_s: float, model: Tx1Model) -> Course:
    within = speed_within(trial, span_s, model.constants)
    return replace(within, per_s=within.per_s / drift(trial, model.constants))
