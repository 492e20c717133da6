"""An alternating window in virtual time: the network alone, beside the task, and the task alone, by turns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from colocate.model.trial import Condition, FloatArray, Segment, Trial, TrialRecord, Work
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.course import Course
from colocate.rigs.tx1.heat import sustained_hz
from colocate.rigs.tx1.model import OperatingPoint, Prediction, Tx1Model
from colocate.rigs.tx1.noise import drift, generator, latencies_s, speed_within
from colocate.rigs.tx1.tasks import UNITS
from colocate.study.alternation import Pace, Turn, conditions_of, pace_of, scheduled

# Steps of a machine's answer to a switch, per its time constant.
_RAMP_STEPS = 20
# Of a window that holds so many inferences beside the task, and as many alone, a third goes to the guards, to
# inferences that overlap a switch, and to the task alone.
_ROOM = 3


@dataclass(frozen=True, slots=True, eq=False)
class Turns:
    """What runs when in a window: its turns in `order`, at their `pace`."""

    order: Sequence[Turn]
    pace: Pace

    @property
    def edges_s(self) -> FloatArray:
        """Where the turns begin and end (n + 1,)."""
        return np.cumsum([0.0, *(self.pace.length_s(turn.condition) for turn in self.order)])

    @property
    def length_s(self) -> float:
        """How long all turns take."""
        return float(self.edges_s[-1])

    def share(self, condition: Condition) -> float:
        """Which part of the window is in the condition."""
        return float(np.diff(self.edges_s)[self.running(condition)].sum() / self.length_s)

    def running(self, condition: Condition) -> npt.NDArray[np.bool_]:
        """Which of the turns (n,) are in the condition."""
        return np.array([turn.condition is condition for turn in self.order])

    def at(self, moments_s: FloatArray) -> npt.NDArray[np.intp]:
        """The turn that is under way at each of `moments_s` (m,), all within the window."""
        return np.searchsorted(self.edges_s[1:-1], moments_s, side="right")


def alternated(trial: Trial, setting: OperatingPoint, model: Tx1Model) -> TrialRecord:
    """The record of an alternating trial at the clocks and beside the load of `setting`."""
    c, load = model.constants, setting.load
    assert trial.inference is not None and load is not None, "either side is paused for the other"
    window = _window(trial, setting, model)
    setting = replace(setting, gpu_hz=_sustained_hz(trial, setting, window, model))
    alone, beside, task = _predicted(trial, setting, model)
    within = speed_within(trial, window.length_s, c)
    speed = replace(within, per_s=within.per_s / drift(trial, c))
    inferring, working = courses(window, alone, beside, task, speed, c.ramp_s)
    ends_s = inferring.reached_s(np.cumsum(_amounts(trial, float(inferring.done[-1]), c)))
    ends_s = ends_s[np.isfinite(ends_s)]
    begins_s = np.concatenate([[0.0], ends_s[:-1]])[: len(ends_s)]
    latencies, found = ends_s - begins_s, segments(window, working)
    both = [segment for segment in found if segment.condition is Condition.BESIDE]
    beside_s = sum(segment.length_s for segment in both)
    return TrialRecord(
        trial=trial,
        started_unix_s=trial.warmup_s,
        elapsed_s=window.length_s,
        begins_s=begins_s,
        latencies_s=latencies,
        power=None,
        work=Work(UNITS[load.task], sum(each.work or 0.0 for each in both), beside_s, beside.work_cpus * beside_s),
        cpu_hz_seen=setting.cpu_hz,
        gpu_hz_seen=setting.gpu_hz,
        emc_hz_seen=beside.emc_hz,
        segments=found,
        conditions=conditions_of(begins_s, latencies, found),
    )


def _window(trial: Trial, setting: OperatingPoint, model: Tx1Model) -> Turns:
    alone, beside, _ = _predicted(trial, setting, model)
    assert alone.line is not None and beside.line is not None, "a network has a timeline"
    # As the warm-up shows it.
    latency_s = max(alone.line.latency_s, beside.line.latency_s) * drift(trial, model.constants)
    length_s = window_s(trial.window_s, latency_s, model.constants)
    ramps = trial.clocks.cpu_hz is None or trial.clocks.gpu_hz is None
    pace = pace_of(length_s, latency_s, settling=ramps, segment_s=trial.segment_s)
    return Turns(scheduled(length_s, pace, trial.trial_id), pace)


def _predicted(trial: Trial, setting: OperatingPoint, model: Tx1Model) -> tuple[Prediction, Prediction, Prediction]:
    """The network alone, beside the task, and the task alone."""
    return (
        model.predict(trial.inference, replace(setting, load=None)),
        model.predict(trial.inference, setting),
        model.predict(None, setting),
    )


def _sustained_hz(trial: Trial, setting: OperatingPoint, window: Turns, model: Tx1Model) -> int:
    loads = {
        Condition.ALONE: (trial.inference, replace(setting, load=None)),
        Condition.BESIDE: (trial.inference, setting),
        Condition.TASK_ALONE: (None, setting),
    }
    shares = {load: window.share(condition) for condition, load in loads.items()}
    return sustained_hz(model, shares, setting.gpu_hz)


def _amounts(trial: Trial, total: float, constants: Constants) -> FloatArray:
    """What inferences have to do, around 1, until all of them have done `total`."""
    count = math.ceil(total) + 1
    # Another count draws other numbers, and the same trial always ends at the same.
    while (amounts := latencies_s(1.0, count, generator(trial.trial_id), constants)).sum() < total:
        count *= 2
    return amounts


def window_s(asked_s: float, latency_s: float, constants: Constants) -> float:
    """The length asked for, or what it takes for `inferences_min` in either condition; see there."""
    return max(asked_s, _ROOM * constants.inferences_min * latency_s)


def courses(
    window: Turns, alone: Prediction, beside: Prediction, task: Prediction, speed: Course, ramp_s: float
) -> tuple[Course, Course]:
    """How fast inferences, and the task's work, go on through the window.

    A paused side stands still. The other feels its absence with the time constant `ramp_s`. `speed` is that of
    everything.
    """
    assert alone.line is not None and beside.line is not None, "a network has a timeline"
    ramp = np.arange(0.0, window.length_s, ramp_s / _RAMP_STEPS) if ramp_s else np.empty(0)
    edges_s = np.unique(np.concatenate([window.edges_s, speed.edges_s, ramp]))
    edges_s = edges_s[edges_s <= window.length_s]
    middles_s = (edges_s[:-1] + edges_s[1:]) / 2
    turn = window.at(middles_s)
    per_s = np.diff(speed.done_by(edges_s)) / np.diff(edges_s)
    network_runs, task_runs = ~window.running(Condition.TASK_ALONE), ~window.running(Condition.ALONE)
    pressed, crowded = (_felt(middles_s, window, runs, ramp_s) for runs in (task_runs, network_runs))
    inferences = per_s * network_runs[turn] / _between(alone.line.latency_s, beside.line.latency_s, pressed)
    work = per_s * task_runs[turn] * _between(task.work_per_s, beside.work_per_s, crowded)
    return Course(edges_s, inferences), Course(edges_s, work)


def segments(window: Turns, work: Course) -> tuple[Segment, ...]:
    """The turns of the window less their guards, with the work that the task did in each."""
    ends_s, begins_s = window.edges_s[1:], window.edges_s[:-1] + window.pace.guard_s
    done = work.done_by(ends_s) - work.done_by(begins_s)
    return tuple(
        Segment(turn.condition, turn.group, *of_turn)
        for turn, *of_turn in zip(window.order, begins_s.tolist(), ends_s.tolist(), done.tolist(), strict=True)
    )


def _felt(moments_s: FloatArray, window: Turns, runs: npt.NDArray[np.bool_], ramp_s: float) -> FloatArray:
    """How much of the presence of a side that `runs` in some turns (n,) is felt at `moments_s` (m,), from 0 to 1.

    At first as much as on average: windows like this one went before.
    """
    at, present, edges_s = window.at(moments_s), runs.astype(np.float64), window.edges_s
    if not ramp_s:
        return present[at]
    before = [float(np.average(present, weights=np.diff(edges_s)))]
    for there, length_s in zip(present.tolist(), np.diff(edges_s).tolist(), strict=True):
        before.append(there + (before[-1] - there) * math.exp(-length_s / ramp_s))
    gone = np.exp(-(moments_s - edges_s[at]) / ramp_s)
    felt: FloatArray = present[at] + (np.array(before)[at] - present[at]) * gone
    return felt


def _between(absent: float, present: float, felt: FloatArray) -> FloatArray:
    """From `absent`, where none of the other side is felt, to `present`, where all is: even in the logarithm."""
    between: FloatArray = absent * (present / absent) ** felt
    return between
