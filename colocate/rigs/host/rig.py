"""The local machine: children in cpusets, clocks pinned, one window at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from colocate.errors import HostError, SpecError, TrialError
from colocate.host.clocks.find import Clocks, find_clocks
from colocate.host.cpus import cpuset
from colocate.host.cpus.activity import Activity
from colocate.host.facts import read_facts
from colocate.host.processes.child import Child
from colocate.host.processes.signals import deferred
from colocate.host.restore import journal
from colocate.host.restore.session import Pins, held
from colocate.host.sysfs import Sysfs
from colocate.inference.backends import availability
from colocate.inference.backends.registry import BACKENDS, Runtime
from colocate.inference.networks import catalogue
from colocate.inference.networks.network import Network
from colocate.model.layers import LayerMap
from colocate.model.machine import HostFacts
from colocate.model.request import WIDTH_BYTES, ClockPoint, Inference
from colocate.model.trial import Trial, TrialRecord
from colocate.power.find import Meters, find_meters
from colocate.rigs.host.children import INFERENCE_SEAT, Children
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.host.records import record, work
from colocate.study.plan import distinct_inferences
from colocate.worker.backends.synthetic import spin_length_s
from colocate.worker.errors import WorkerError

ANSWER_TIMEOUT_S = 60.0
PATIENCE_INFERENCES = 30
# A window without an inference says nothing, and one is under way when it begins.
INFERENCES_MIN = 2
# How long a user's program is tried before the sweep: one that cannot run fails well inside it.
REHEARSAL_S = 0.5


@dataclass(slots=True)
class _Hold:
    """What an opened rig holds, and how far it has come."""

    children: Children
    pins: Pins
    monitor: Monitor
    clocks: ClockPoint | None = None
    block: int | None = None
    started_hot: bool = False


class HostRig:
    """Serves trials on this machine."""

    def __init__(self, profiled: str | None = None) -> None:
        """See `make_rig` for `profiled`."""
        self._profiled = profiled
        self._sysfs = Sysfs()
        self._hold: _Hold | None = None

    @cached_property
    def _confinement(self) -> cpuset.Confinement:
        return cpuset.detect()

    @cached_property
    def _clocks(self) -> Clocks:
        return find_clocks(self._sysfs)

    @cached_property
    def _meters(self) -> Meters:
        return find_meters()

    def facts(self) -> HostFacts:
        """See `Rig.facts`."""
        found = availability.look()
        return dataclasses.replace(
            read_facts(self._confinement, self._clocks, self._meters.rails),
            backends=found.runtimes,
            probes=found.probes,
            backends_missing=found.missing,
        )

    def check(self, trials: Sequence[Trial]) -> None:
        """See `Rig.check`."""
        for inference in distinct_inferences(trials):
            runtime = BACKENDS[inference.backend]
            if inference.precision not in runtime.precisions:
                can = " and ".join(runtime.precisions)
                raise HostError(
                    f"{inference.backend} runs {can} here, not {inference.precision}{_why_no_gpu(runtime)}"
                )
            if (inference.graph or inference.wait != "spin") and not runtime.on_gpu:
                raise HostError(
                    f"{inference.backend} runs on the CPU: leave out --graph and --wait{_why_no_gpu(runtime)}"
                )
            if inference.backend == "synthetic":
                _check_spin(inference.network)
            elif runtime.own_networks is None:
                catalogue.check(inference.network, inference.batch)

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Rig.networks`."""
        resolved = {_file_label(inference): _network(inference) for inference in inferences}
        return {label: network.described() for label, network in resolved.items() if network is not None}

    def provenance(self) -> None:
        """See `Rig.provenance`: this is a machine."""

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        """See `Rig.opened`. Children end, cpusets go, clocks and this process's own CPUs are put back."""
        places = {trial.placement.name: trial.placement for trial in trials}
        first = next(iter(places.values()))
        groups = {name: place.task_cpus for name, place in places.items()}
        groups[INFERENCE_SEAT] = first.inference_cpus
        wanted = _pinned_domains(trials)
        with contextlib.ExitStack() as stack:
            # Outermost: with it stands the watchdog, which also removes the cpusets of a killed sweep.
            pins = stack.enter_context(held(self._clocks, wanted, journal.state_folder(), self._sysfs))
            seats = stack.enter_context(cpuset.confined(self._confinement, groups))
            stack.enter_context(_moved_to(first.housekeeping_cpus))
            monitor = Monitor(self._sysfs, self._clocks, self._meters)
            stack.callback(monitor.close)
            loaded = {each: _network(each) for each in distinct_inferences(trials)}
            children = Children(seats, loaded, self._profiled)
            stack.callback(children.close)
            self._hold = _Hold(children, pins, monitor)
            try:
                _rehearse(children, trials)
                yield
            finally:
                with deferred():
                    stack.close()

    def run(self, trial: Trial) -> TrialRecord:
        """See `Rig.run`."""
        assert self._hold is not None, "a trial runs inside opened()"
        try:
            return _run(trial, self._hold)
        except TrialError:
            # Whatever state the children are in, the next trial starts with new ones.
            self._hold.children.close()
            raise

    def layer_map(self, inference: Inference, clocks: ClockPoint) -> LayerMap:
        """See `Rig.layer_map`."""
        # With onnx, which no window needs.
        from colocate.inference.backends import profiling
        from colocate.inference.onnx import graph
        from colocate.inference.onnx.layer_map import Ran, commonly_fused, fused_layers, launch_overhead

        network = _network(inference)
        if network is None:
            raise SpecError(f"'{inference.network}' has no layers to look at; give a network in a file")
        layers = graph.layers(network.path)
        profiles = BACKENDS[inference.backend].profiles
        ran: Sequence[Ran] = profiling.steps(inference, network) if profiles else commonly_fused(layers)
        found = fused_layers(ran, layers, WIDTH_BYTES[inference.precision])
        beside = launch_overhead(network.path) if BACKENDS[inference.backend].on_gpu else None
        return LayerMap((*found, *([beside] if beside else ())), timed=profiles)


def _check_spin(network: str) -> None:
    try:
        spin_length_s(network)
    except WorkerError as error:
        raise SpecError(str(error)) from error


def _why_no_gpu(runtime: Runtime) -> str:
    """Why nothing better than a CPU's `runtime` was there to take: who asks for what it cannot do wants to know."""
    if runtime.on_gpu or runtime.own_networks is not None:
        return ""
    missing = availability.look().missing
    return "".join(
        f"; {name}: {missing[name].reason}"
        for name, other in BACKENDS.items()
        if other.on_gpu and other.own_networks is None and name in missing
    )


def _run(trial: Trial, hold: _Hold) -> TrialRecord:
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
    """Watches over the CPUs of the network and of the task, as far as it can be told who runs there.

    What a user's program starts is not counted as its own, so its CPUs tell nothing about others.
    """
    place = trial.placement
    known = trial.task is None or not trial.task.argv
    if trial.task is not None and not set(place.inference_cpus).isdisjoint(place.task_cpus):
        return [Activity({*place.inference_cpus, *place.task_cpus}, [*worker, *tasks])] if known else []
    network = [Activity(place.inference_cpus, worker)] if worker else []
    return [*network, Activity(place.task_cpus, tasks)] if tasks and known else network


def _begin_block(trial: Trial, hold: _Hold) -> None:
    if trial.clocks != hold.clocks:
        hold.pins.set(trial.clocks.cpu_hz, trial.clocks.gpu_hz, trial.clocks.emc_hz)
        hold.clocks = trial.clocks
    hold.started_hot = trial.max_start_temp_c is not None and not hold.monitor.cooled(trial.max_start_temp_c)
    hold.block = trial.block
    time.sleep(trial.settle_s)


def _pinned_domains(trials: Sequence[Trial]) -> set[str]:
    names = {"cpu": "cpu_hz", "gpu": "gpu_hz", "emc": "emc_hz"}
    return {name for name, clock in names.items() if any(getattr(t.clocks, clock) is not None for t in trials)}


def _rehearse(children: Children, trials: Sequence[Trial]) -> None:
    """Start every task, and load every network of the user's own, once: what cannot run at all is said
    before the first window and not by a column of empty cells. A network is tried at its smallest batch: that a
    larger one finds no memory is a result.
    """
    for trial in {(trial.task, trial.placement): trial for trial in trials}.values():
        own_program = trial.task is not None and bool(trial.task.argv)
        try:
            for child in children.tasks(trial):
                if own_program:
                    child.go()
                    time.sleep(REHEARSAL_S)
                    work(trial, [child.stop(ANSWER_TIMEOUT_S)])
        except TrialError as error:
            raise (SpecError if own_program else HostError)(str(error)) from error
    users_own = [
        (trial.inference, trial)
        for trial in trials
        if trial.inference is not None and trial.inference.network not in catalogue.builtin_names()
    ]
    users_own.sort(key=lambda pair: -pair[0].batch)
    for trial in {(inference.network, inference.backend): trial for inference, trial in users_own}.values():
        try:
            children.worker(trial)
        except TrialError as error:
            raise SpecError(str(error)) from error


def _network(inference: Inference) -> Network | None:
    if BACKENDS[inference.backend].own_networks is not None:
        return None
    return catalogue.resolve(inference.network, inference.batch, inference.precision)


def _file_label(inference: Inference) -> str:
    """Which file an inference loads: one network has a file per batch and precision."""
    return f"{inference.network}, batch {inference.batch}, {inference.precision}"


@contextlib.contextmanager
def _moved_to(cpus: tuple[int, ...]) -> Iterator[None]:
    """The measuring process on `cpus`, away from what it measures."""
    former = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, former)
