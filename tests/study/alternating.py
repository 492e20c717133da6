"""Alternating windows whose true slowdown is known, on a machine that drifts between windows and inside them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from colocate.model.request import ClockPoint, Task
from colocate.model.trial import Condition, FloatArray, Segment, TrialRecord, Work
from colocate.study.alternation import Pace, scheduled
from tests.study.truth import NATIVE, TASK, record, series, tail_slowdown, trial

STEP_S = 0.001


@dataclass(frozen=True)
class Machine:
    """How a machine drifts, all of the logarithm of a latency.

    `between` is the standard deviation of a window as a whole, `inside` that of the drift within one: white noise
    from 100 ms to 100 ms, an autoregressive series or a random walk. `body` is that of single latencies.
    """

    kind: str = "walk"
    between: float = 0.07
    inside: float = 0.01
    body: float = 0.05

    def drift(self, rng: np.random.Generator, length_s: float) -> FloatArray:
        """The drift of one window, a value per `STEP_S`."""
        steps = math.ceil(length_s / STEP_S) + 1
        if self.kind == "white":
            inside = rng.standard_normal(steps // 100 + 1).repeat(100)[:steps]
        elif self.kind == "ar1":
            # A correlation time of 200 ms.
            inside = series(rng, math.exp(-0.01 / 0.2), steps // 10 + 1).repeat(10)[:steps]
        else:
            inside = rng.standard_normal(steps).cumsum() / math.sqrt(steps)
        return self.between * float(rng.standard_normal()) + self.inside * inside


@dataclass(frozen=True)
class Alternating:
    """Windows of a network of `solo_s` with a `slowdown` that the task brings at once, and the task's `loss`.

    `unseen` is a slowdown that only steady windows show. With `burst_s` another tenant doubles latencies for so long,
    once in a window, and `tail` is as in `truth.Truth`.
    """

    slowdown: float = 1.13
    loss: float = 0.2
    unseen: float = 1.0
    tail: float = 0.0
    burst_s: float = 0.0
    solo_s: float = 0.005
    window_s: float = 1.0
    pace: Pace = Pace(0.05, 0.005)  # noqa: RUF009 - frozen
    machine: Machine = field(default_factory=Machine)

    def slowdown_at(self, quantile: float) -> float:
        """The true ratio of a quantile of latencies beside the task to that alone."""
        return tail_slowdown(self.slowdown, self.machine.body * self.tail, quantile)

    def window(
        self,
        rng: np.random.Generator,
        repeat: int = 0,
        task: Task = TASK,
        clocks: ClockPoint = NATIVE,
    ) -> TrialRecord:
        """One alternating window, its inferences back to back but for the switches."""
        turns = scheduled(self.window_s, self.pace, str(rng.integers(1 << 30)))
        length_s = len(turns) * self.pace.segment_s
        drift = self.machine.drift(rng, length_s)
        burst_from_s = rng.uniform(0, length_s) if self.burst_s else math.inf
        begins, latencies, conditions, segments = [], [], [], []
        for number, turn in enumerate(turns):
            begin_s, end_s = number * self.pace.segment_s, (number + 1) * self.pace.segment_s
            usable_s = begin_s + self.pace.guard_s
            rate = {Condition.BESIDE: 1 - self.loss, Condition.TASK_ALONE: 1.0}.get(turn.condition)
            work = None if rate is None else rate * (end_s - usable_s) * 1000
            segments.append(Segment(turn.condition, turn.group, usable_s, end_s, work))
            if turn.condition is Condition.TASK_ALONE:
                continue
            own_s = self._latencies(rng, turn.condition, drift, begin_s, end_s, burst_from_s)
            starts = begin_s + np.cumsum(own_s) - own_s
            inside = (starts >= usable_s) & (starts + own_s <= end_s)
            # What overlaps the switch is anything.
            own_s[~inside] *= 3.0
            begins.append(starts)
            latencies.append(own_s)
            conditions.append(np.where(inside, turn.condition, Condition.GUARD))
        of = dataclasses.replace(trial(repeat, task, clocks=clocks), alternating=True, window_s=length_s)
        of = dataclasses.replace(of, trial_id=f"{of.trial_id} alternating")
        beside = [segment for segment in segments if segment.condition is Condition.BESIDE]
        beside_s = sum(segment.length_s for segment in beside)
        return TrialRecord(
            of,
            0.0,
            length_s,
            np.concatenate(begins),
            np.concatenate(latencies),
            work=Work("units", sum(segment.work or 0.0 for segment in beside), beside_s, beside_s),
            segments=tuple(segments),
            conditions=np.concatenate(conditions).astype(np.uint8),
        )

    def _latencies(
        self,
        rng: np.random.Generator,
        condition: Condition,
        drift: FloatArray,
        begin_s: float,
        end_s: float,
        burst_from_s: float,
    ) -> FloatArray:
        beside = condition is Condition.BESIDE
        typical_s = self.solo_s * (self.slowdown if beside else 1.0)
        n = math.ceil((end_s - begin_s) / typical_s)
        at_s = begin_s + np.arange(n) * typical_s
        z = rng.standard_normal(n)
        z += self.tail * np.maximum(z, 0.0) ** 2 if beside else 0.0
        logs = drift[np.minimum((at_s / STEP_S).astype(int), len(drift) - 1)] + self.machine.body * z
        logs += math.log(2) * ((at_s >= burst_from_s) & (at_s < burst_from_s + self.burst_s))
        return np.asarray(typical_s * np.exp(logs))

    def steady(
        self, rng: np.random.Generator, repeat: int, task: Task | None, clocks: ClockPoint = NATIVE
    ) -> TrialRecord:
        """One steady window, beside a task or alone."""
        factor = self.slowdown * self.unseen if task else 1.0
        n = int(self.window_s / self.solo_s / factor)
        steps = (np.arange(n) * self.solo_s * factor / STEP_S).astype(int)
        drift = self.machine.drift(rng, self.window_s)[np.minimum(steps, int(self.window_s / STEP_S))]
        z = rng.standard_normal(n)
        z += self.tail * np.maximum(z, 0.0) ** 2 if task else 0.0
        return record(
            trial(repeat, task, clocks=clocks), self.solo_s * factor * np.exp(drift + self.machine.body * z)
        )

    def study(self, rng: np.random.Generator, repeats: int, steady: int = 0) -> Iterator[TrialRecord]:
        """So many repeats of one cell, the first `steady` of which have a steady pair as well."""
        for repeat in range(repeats):
            yield self.window(rng, repeat)
            if repeat < steady:
                yield self.steady(rng, repeat, None)
                yield self.steady(rng, repeat, TASK)
