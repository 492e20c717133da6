"""An alternating window in virtual time: by turns the network runs alone, beside the task, and the task alone."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from colocate.errors import TrialError
from colocate.model.trial import ByteArray, Condition, FloatArray, Segment, Trial, TrialRecord, Work
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.contained import quota_period_s, throttled
from colocate.rigs.tx1.course import Course, served
from colocate.rigs.tx1.heat import sustained_hz
from colocate.rigs.tx1.model import OperatingPoint, Prediction, Tx1Model
from colocate.rigs.tx1.noise import drift, generator, latencies_s, speed_within
from colocate.rigs.tx1.presence import Presence
from colocate.rigs.tx1.tasks import UNITS
from colocate.study.alternation import Pace, Turn, catch_up_s, conditions_of, pace_of, scheduled

# Computed steps of a machine's answer to a switch, per time constant.
_RAMP_STEPS = 20
# A window has three parts of equal length: inferences beside the task, as many alone, and the rest (guards,
# inferences that overlap a switch, the task alone).
_ROOM = 3


# Without slots, because of its cached properties.
@dataclass(frozen=True, eq=False)
class Turns:
    """What runs when in a window: its turns (planned segments) in `order`, at their `pace`.

    If the network was paused in the turn before, a turn and its guard last `catch_up_s` longer.
    """

    order: Sequence[Turn]
    pace: Pace
    catch_up_s: float = 0.0

    @functools.cached_property
    def edges_s(self) -> FloatArray:
        """When the turns begin and end (n + 1,), in s."""
        lengths_s = np.select([self.running(each) for each in Condition], [*map(self.pace.length_s, Condition)])
        return np.cumsum(np.concatenate([[0.0], lengths_s + self._extra_s]))

    @property
    def guards_s(self) -> FloatArray:
        """How long the guard of each turn (n,) lasts, in s: its beginning, which belongs to no condition."""
        return self.pace.guard_s + self._extra_s

    @functools.cached_property
    def _extra_s(self) -> FloatArray:
        after_pause = np.concatenate([[False], self.running(Condition.TASK_ALONE)[:-1]])
        return np.where(after_pause, self.catch_up_s, 0.0)

    @property
    def length_s(self) -> float:
        """How long all turns take, in s."""
        return float(self.edges_s[-1])

    def share(self, condition: Condition) -> float:
        """Return the share of the window in the condition, from 0 to 1."""
        return float(np.diff(self.edges_s)[self.running(condition)].sum() / self.length_s)

    def running(self, condition: Condition) -> npt.NDArray[np.bool_]:
        """Return which of the turns (n,) are in the condition."""
        found: npt.NDArray[np.bool_] = self._conditions == condition
        return found

    @functools.cached_property
    def _conditions(self) -> ByteArray:
        return np.array([turn.condition for turn in self.order], dtype=np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """The predictions for the network alone, for both together while the task's quota lasts, and for the task
    alone.
    """

    alone: Prediction
    beside: Prediction
    task_alone: Prediction

    @classmethod
    def of(cls, trial: Trial, setting: OperatingPoint, model: Tx1Model) -> Conditions:
        """Return the predictions for a trial at the clocks and beside the load of `setting`."""
        return cls(
            model.predict(trial.inference, replace(setting, load=None)),
            model.predict(trial.inference, setting),
            model.predict(None, setting),
        )

    def presences(self, window: Turns, trial: Trial) -> tuple[Presence, Presence]:
        """Return when the network runs, and when the task runs."""
        network, tasks = (
            Presence(window.edges_s, ~window.running(absent)) for absent in (Condition.TASK_ALONE, Condition.ALONE)
        )
        containment = None if trial.task is None else trial.task.containment
        cpus = np.where(network.runs, self.beside.work_cpus, self.task_alone.work_cpus)
        # How much of a quota's period is over when the window begins is random.
        phase = float(generator(f"quota {trial.trial_id}").random())
        return network, throttled(tasks, cpus, containment, phase)


def alternated(trial: Trial, setting: OperatingPoint, model: Tx1Model) -> TrialRecord:
    """Return the record of an alternating trial at the clocks and beside the load of `setting`. Raises TrialError if
    the network does not keep up with its frames.
    """
    c, load = model.constants, setting.load
    assert trial.inference is not None and load is not None, "either side is paused for the other"
    slower = drift(trial, c)
    window = _window(trial, setting, model, slower)
    # Only a limit needs the share of each load, and that takes a tenth of a window's time to compute.
    if c.heat_limit_w:
        setting = replace(setting, gpu_hz=_sustained_hz(trial, setting, window, model))
    predicted, average = Conditions.of(trial, setting, model), model.on_average(trial.inference, setting)
    within = speed_within(trial, window.length_s, c)
    speed = replace(within, per_s=within.per_s / slower)
    present = predicted.presences(window, trial)
    due_s, ends_s = _inferred(trial, inferring(*present, predicted, speed, c.ramp_s), c)
    found = segments(window, working(*present, predicted, speed, c.ramp_s))
    conditions = conditions_of(due_s, ends_s - due_s, found, trial.inference.period_s)
    if trial.inference.period_s is not None:
        _check_kept_up(conditions)
    both = [segment for segment in found if segment.condition is Condition.BESIDE]
    beside_s = sum(segment.length_s for segment in both)
    return TrialRecord(
        trial=trial,
        started_unix_s=trial.warmup_s,
        elapsed_s=window.length_s,
        begins_s=due_s,
        latencies_s=ends_s - due_s,
        power=None,
        work=Work(UNITS[load.task], sum(each.work or 0.0 for each in both), beside_s, average.work_cpus * beside_s),
        cpu_hz_seen=setting.cpu_hz,
        gpu_hz_seen=setting.gpu_hz,
        emc_hz_seen=average.emc_hz,
        segments=found,
        conditions=conditions,
    )


def _window(trial: Trial, setting: OperatingPoint, model: Tx1Model, slower: float) -> Turns:
    alone, beside = (model.on_average(trial.inference, each) for each in (replace(setting, load=None), setting))
    assert trial.inference is not None
    period_s = trial.inference.period_s
    # As the warm-up shows it.
    latency_s = max(alone.latency_s, beside.latency_s) * slower
    length_s = window_s(trial.window_s, max(latency_s, period_s or 0.0), model.constants)
    ramps = trial.clocks.cpu_hz is None or trial.clocks.gpu_hz is None
    pace = pace_of(
        length_s,
        latency_s,
        settling=ramps,
        period_s=period_s,
        segment_s=trial.segment_s,
        quota_period_s=quota_period_s(trial),
    )
    order = scheduled(length_s, pace, trial.trial_id)
    return Turns(order, pace, catch_up_s(pace, latency_s, period_s))


def _inferred(trial: Trial, course: Course, constants: Constants) -> tuple[FloatArray, FloatArray]:
    """Return when inferences were due and when they were done (n,), in s, for those done within the window."""
    assert trial.inference is not None
    if (period_s := trial.inference.period_s) is None:
        amounts = _amounts(trial, float(course.done[-1]), constants)
        begins_s, ends_s = served(course, amounts, np.zeros(len(amounts)))
    else:
        begins_s = np.arange(0.0, course.edges_s[-1], period_s)
        _, ends_s = served(course, latencies_s(1.0, len(begins_s), generator(trial.trial_id), constants), begins_s)
    done = np.isfinite(ends_s)
    return begins_s[done], ends_s[done]


def _check_kept_up(conditions: ByteArray) -> None:
    """Raise TrialError if a condition has no inference, because each frame waited for the one before."""
    for condition, where in ((Condition.ALONE, "without the task"), (Condition.BESIDE, "beside the task")):
        if not (conditions == condition).any():
            raise TrialError(
                f"the network does not keep up with its frames {where}; raise --period-ms, or give --design steady"
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
    """Return the work of each inference (n,), as a ratio to a typical one. The sum is at least `total`."""
    count = math.ceil(total) + 1
    # Another count draws other numbers, and the same trial always ends at the same.
    while (amounts := latencies_s(1.0, count, generator(trial.trial_id), constants)).sum() < total:
        count *= 2
    return amounts


def window_s(asked_s: float, latency_s: float, constants: Constants) -> float:
    """Return the window's length in s: `asked_s`, or longer if `inferences_min` inferences in each condition need
    it.
    """
    return max(asked_s, _ROOM * constants.inferences_min * latency_s)


def inferring(network: Presence, tasks: Presence, predicted: Conditions, speed: Course, ramp_s: float) -> Course:
    """Return the network's speed in inferences per second; 0 while it is paused.

    After a switch its latency approaches the new one with the time constant `ramp_s`, in s. `speed` is a factor on
    all.
    """
    edges_s, middles_s, per_s = _speeds(network, tasks, speed, ramp_s)
    pressed = tasks.felt(middles_s, ramp_s)
    return Course(
        edges_s,
        per_s * network.at(middles_s) / _between(predicted.alone.latency_s, predicted.beside.latency_s, pressed),
    )


def working(network: Presence, tasks: Presence, predicted: Conditions, speed: Course, ramp_s: float) -> Course:
    """Return the speed of the task's work in units per second, as `inferring` does for the network."""
    edges_s, middles_s, per_s = _speeds(network, tasks, speed, ramp_s)
    crowded = network.felt(middles_s, ramp_s)
    return Course(
        edges_s,
        per_s * tasks.at(middles_s) * _between(predicted.task_alone.work_per_s, predicted.beside.work_per_s, crowded),
    )


def _speeds(
    network: Presence, tasks: Presence, speed: Course, ramp_s: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the parts of the window in which nothing changes: their edges (n + 1,) and middles (n,) in s, and the
    speed in each (n,).
    """
    length_s = network.edges_s[-1]
    ramp = np.arange(0.0, length_s, ramp_s / _RAMP_STEPS) if ramp_s else np.empty(0)
    edges_s = np.unique(np.concatenate([network.edges_s, tasks.edges_s, speed.edges_s, ramp]))
    edges_s = edges_s[edges_s <= length_s]
    return edges_s, (edges_s[:-1] + edges_s[1:]) / 2, np.diff(speed.done_by(edges_s)) / np.diff(edges_s)


def segments(window: Turns, work: Course) -> tuple[Segment, ...]:
    """Return the turns of the window without their guards, each with the task's work in it."""
    ends_s, begins_s = window.edges_s[1:], window.edges_s[:-1] + window.guards_s
    done = work.done_by(ends_s) - work.done_by(begins_s)
    conditions, groups = zip(*window.order, strict=True)
    return tuple(map(Segment, conditions, groups, begins_s.tolist(), ends_s.tolist(), done.tolist()))


def _between(absent: float, present: float, felt: FloatArray) -> FloatArray:
    """Return a value from `absent`, if `felt` is 0, to `present`, if it is 1; linear in the logarithm."""
    between: FloatArray = absent * (present / absent) ** felt
    return between
