"""One window: children begin, the monitor watches, children stop and report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colocate.host.cpus.activity import Activity
from colocate.host.processes.child import Child
from colocate.host.restore.session import Pins
from colocate.model.request import ClockPoint
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.host.children import Children
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.host.records import record

ANSWER_TIMEOUT_S = 60.0
PATIENCE_INFERENCES = 30
# A window without an inference says nothing, and one is under way when it begins.
INFERENCES_MIN = 2


@dataclass(slots=True)
class Hold:
    """What an opened rig holds, and how far it has come."""

    children: Children
    pins: Pins
    monitor: Monitor
    clocks: ClockPoint | None = None
    block: int | None = None
    started_hot: bool = False


def run_window(trial: Trial, hold: Hold) -> TrialRecord:
    """Run the trial on what is held. Raises TrialError when this window failed and others may not."""
    tasks, worker = hold.children.tasks(trial), hold.children.worker(trial)
    if trial.block != hold.block:
        _begin_block(trial, hold)
    # Stressors begin first and end last, so that the whole of the network's window is under load.
    for child in (*tasks, *worker):
        child.go()
    hold.monitor.begin(trial.warmup_s)
    for child in (*tasks, *worker):
        child.go()
    started_unix_s, begin_ns = time.time(), time.monotonic_ns()
    activities = _activities(trial, worker, tasks)
    hold.monitor.window(_window_s(trial, worker), trial.placement.inference_cpus)
    disturbances = [activity.disturbance() for activity in activities]
    served, worked = stopped(worker), stopped(tasks)
    readings = hold.monitor.end()
    runtime = worker[0].facts["runtime"] if worker else {}
    return record(trial, started_unix_s, begin_ns, served, worked, disturbances, readings, hold.started_hot, runtime)


def _window_s(trial: Trial, worker: Sequence[Child]) -> float:
    """The length asked for, or as long as a slow network takes for `INFERENCES_MIN`."""
    inference_s = max((float(child.facts["inference_s"]) for child in worker), default=0.0)
    return max(trial.window_s, INFERENCES_MIN * inference_s)


def stopped(children: Sequence[Child]) -> list[Mapping[str, Any]]:
    """The reports of all; the last is stopped no later than the first, however long that takes to report."""
    for child in children:
        child.fall_idle()
    return [child.report(_patience_s(child)) for child in children]


def _patience_s(child: Child) -> float:
    """How long to wait for an answer: the inference under way is finished first, beside whatever slows it."""
    return ANSWER_TIMEOUT_S + PATIENCE_INFERENCES * float(child.facts.get("inference_s", 0.0))


def _activities(trial: Trial, worker: list[Child], tasks: list[Child]) -> list[Activity]:
    """Watches over the CPUs of the network and of the task."""
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
