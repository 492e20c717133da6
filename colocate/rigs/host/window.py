"""Run one window: children begin, the monitor watches, children stop and report.

While the window lasts, this process sleeps. In an alternating window it pauses and resumes task and network by turns.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colocate.host.cpus.activity import Activity
from colocate.host.cpus.quota import longest_period_s, quota_groups
from colocate.host.processes.child import Child
from colocate.host.processes.pausing import median_switch_s, resumed_after
from colocate.host.processes.priority import LAUNCHING_PRIORITY
from colocate.host.restore.session import Pins
from colocate.model.cell_key import CellKey
from colocate.model.request import ClockPoint, Task
from colocate.model.trial import Trial, TrialRecord, Work
from colocate.rigs.host.alternation import Alternated, Alternation
from colocate.rigs.host.children import Children, members, wants_fifo
from colocate.rigs.host.gauge import gauged, work_since
from colocate.rigs.host.monitor import Monitor, sleep_until
from colocate.rigs.host.records import Observation, SegmentTooShortError, record
from colocate.rigs.host.resting import Resting
from colocate.rigs.host.waits import WaitGauge, wait_gauge
from colocate.study.alternation import Pace, catch_up_s, pace_of, scheduled

ANSWER_TIMEOUT_S = 60.0
PATIENCE_INFERENCES = 30
# A window without an inference says nothing, and one is under way when it begins.
INFERENCES_MIN = 2
# How often pausing is timed before the first alternating window of a task, and the longest time that makes segments
# longer. If pausing takes longer than that, segments are lost and the record says so.
SWITCHES_TIMED, SWITCHING_MAX_S = 8, 0.02


@dataclass(slots=True)
class Hold:
    """What an opened rig holds, and the clocks and the block that it is at. `ramps`: CPU clocks that are not pinned
    follow the load.

    `switching_s` is how long pausing takes in seconds, by task and placement. `inference_s` is how long an inference
    takes, for cells where the network is too slow for the usual segments.
    """

    children: Children
    pins: Pins
    monitor: Monitor
    clocks: ClockPoint | None = None
    block: int | None = None
    started_hot: bool = False
    ramps: bool = False
    switching_s: dict[tuple[Task | None, str], float] = field(default_factory=dict)
    inference_s: dict[CellKey, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """How a window passes: its length, `until`, which lets time pass until a moment of the monotonic clock, and what
    was `noted` meanwhile. `counted` gives the work of its task, if that can be read at both ends.
    """

    length_s: float
    until: Callable[[float], None] = sleep_until
    noted: Callable[[], Alternated | None] = lambda: None
    counted: Callable[[], Work | None] = lambda: None


def run_window(trial: Trial, hold: Hold) -> TrialRecord:
    """Run the trial with what the rig holds. Raises TrialError if this window failed and others may still succeed.

    If no inference fits into a segment, the window is run once more with longer ones.
    """
    try:
        return _ran(trial, hold)
    except SegmentTooShortError as error:
        # How slow a network is beside a task is not known before it ran there once.
        hold.inference_s[CellKey.of(trial)] = error.inference_s
        return _ran(trial, hold)


def _ran(trial: Trial, hold: Hold) -> TrialRecord:
    tasks, worker = hold.children.tasks(trial), hold.children.worker(trial)
    if trial.block != hold.block:
        _begin_block(trial, hold)
    hold.children.start(trial)
    with hold.children.contained(trial):
        # Stressors begin first and end last, so that the whole of the network's window is under load.
        for child in (*tasks, *worker):
            child.go()
        hold.monitor.begin(trial.warmup_s, power=not trial.alternating)
        pace = _pace(trial, hold, worker) if trial.alternating else None
        for child in (*tasks, *worker):
            child.go()
        started_unix_s, begin_ns, begin_s = time.time(), time.monotonic_ns(), _awake_or_not_s()
        activities = _activities(trial, worker, tasks)
        pipeline = trial.inference is not None and trial.inference.pipeline is not None
        with wait_gauge(worker, tasks, pipeline=pipeline) as waits:
            waits_before = waits.read()
            with _alternating(trial, hold, pace, waits) if pace else _steady(trial, hold, worker) as passage:
                hold.monitor.window(passage.length_s, trial.placement.inference_cpus, passage.until)
            took_s, waits_after = _awake_or_not_s() - begin_s, waits.read()
        moved = any(child.moved(LAUNCHING_PRIORITY if wants_fifo(trial) else None) for child in worker)
        disturbances = [activity.disturbance() for activity in activities]
        served = stopped(worker)
    # In a mix each report says whose it is.
    worked = [{**report, "task": child.name} for child, report in zip(tasks, stopped(tasks), strict=True)]
    hold.children.rest(trial)
    readings = hold.monitor.end()
    observed = Observation(
        started_unix_s=started_unix_s,
        began_ns=begin_ns,
        readings=readings,
        disturbances=disturbances,
        started_hot=hold.started_hot,
        throttled=waits_after.throttling.times > waits_before.throttling.times,
        moved=moved,
        planned_s=passage.length_s + hold.monitor.lag_s,
        took_s=took_s,
        alternated=passage.noted(),
        counted=passage.counted(),
        waits=waits.between(waits_before, waits_after),
    )
    return record(trial, served, worked, observed, worker[0].facts["runtime"] if worker else {})


def _awake_or_not_s() -> float:
    """Return the time in seconds of a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@contextlib.contextmanager
def _steady(trial: Trial, hold: Hold, worker: Sequence[Child]) -> Iterator[Passage]:
    """Yield a steady window, as long as asked for, or as a slow network takes for `INFERENCES_MIN` inferences."""
    length_s, tasks = max(trial.window_s, INFERENCES_MIN * _inference_s(worker)), hold.children.tasks(trial)
    if not tasks:
        yield Passage(length_s)
        return
    with gauged(hold.children.seated(trial)) as gauge:
        begin_s, before = time.monotonic(), gauge.read()
        done: list[Work | None] = []
        yield Passage(length_s, counted=lambda: done[0])
        done.append(work_since(gauge, before, begin_s))


def _inference_s(worker: Sequence[Child]) -> float:
    return max((float(child.facts["inference_s"]) for child in worker), default=0.0)


def _pace(trial: Trial, hold: Hold, worker: Sequence[Child]) -> Pace:
    key = (trial.task, trial.placement.name)
    if key not in hold.switching_s:
        task, network = hold.children.pauses(trial)
        with gauged(hold.children.seated(trial)) as gauge:
            hold.switching_s[key] = median_switch_s([Resting(task, gauge), network], SWITCHES_TIMED)
    assert trial.inference is not None
    return pace_of(
        trial.window_s,
        max(_inference_s(worker), hold.inference_s.get(CellKey.of(trial), 0.0)),
        switching_s=min(hold.switching_s[key], SWITCHING_MAX_S),
        settling=_settles(trial, hold),
        period_s=trial.inference.period_s,
        segment_s=trial.segment_s,
        quota_period_s=_quota_period_s(trial, worker),
    )


def _quota_period_s(trial: Trial, worker: Sequence[Child]) -> float | None:
    """Return the longest period in seconds of the tasks' own quotas and of those around the network, such as a
    container's; None if there is no quota.
    """
    bounds = [member.containment for member in members(trial) if member.containment is not None]
    own_s = [bound.quota_period_s for bound in bounds if bound.quota_ratio is not None]
    around_s = longest_period_s([group for child in worker for group in quota_groups(child.pid)])
    return max((*own_s, *(() if around_s is None else (around_s,))), default=None)


def _settles(trial: Trial, hold: Hold) -> bool:
    """Return whether a governor or a scheduler takes time to adapt when a task starts or stops."""
    place = trial.placement
    return not {*place.task_cpus}.isdisjoint(place.inference_cpus) or (hold.ramps and trial.clocks.cpu_hz is None)


@contextlib.contextmanager
def _alternating(trial: Trial, hold: Hold, pace: Pace, waits: WaitGauge) -> Iterator[Passage]:
    """Yield an alternating window. However it ends, nothing stays paused."""
    assert trial.inference is not None
    children, period_s = hold.children, trial.inference.period_s
    task, network = children.pauses(trial)
    turns = scheduled(trial.window_s, pace, trial.trial_id)
    rest_s = catch_up_s(pace, _inference_s(children.worker(trial)), period_s)
    with gauged(children.seated(trial)) as gauge, resumed_after(task, network):
        alternation = Alternation(turns, pace, Resting(task, gauge), network, gauge, rest_s, waits)
        yield Passage(alternation.length_s, alternation.until, alternation.noted)
        alternation.finish()


def stopped(children: Sequence[Child]) -> list[Mapping[str, Any]]:
    """Stop all children and return their reports. All are told to stop before any report is read, because that may
    take long.
    """
    for child in children:
        child.fall_idle()
    return [child.report(_patience_s(child)) for child in children]


def _patience_s(child: Child) -> float:
    """Return how many seconds to wait for an answer: the child first finishes the inference under way."""
    return ANSWER_TIMEOUT_S + PATIENCE_INFERENCES * float(child.facts.get("inference_s", 0.0))


def _activities(trial: Trial, worker: list[Child], tasks: list[Child]) -> list[Activity]:
    """Return what watches the CPUs of the network and of the task: one watch if they share CPUs, else one each."""
    place = trial.placement
    if tasks and not set(place.inference_cpus).isdisjoint(place.task_cpus):
        return [Activity({*place.inference_cpus, *place.task_cpus}, [*worker, *tasks])]
    network = [Activity(place.inference_cpus, worker)] if worker else []
    return [*network, Activity(place.task_cpus, tasks)] if tasks else network


def _begin_block(trial: Trial, hold: Hold) -> None:
    if trial.clocks != hold.clocks:
        hold.pins.set(trial.clocks.cpu_hz, trial.clocks.gpu_hz, trial.clocks.emc_hz)
        hold.clocks = trial.clocks
    hold.started_hot = trial.max_start_temp_c is not None and not hold.monitor.cooled(trial.max_start_temp_c)
    hold.block = trial.block
    time.sleep(trial.settle_s)
