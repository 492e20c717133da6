"""The local machine as a rig: children in cpusets, pinned clocks, one window at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from colocate.errors import HostError, SpecError, TrialError, add_note
from colocate.files import check_folder
from colocate.host.clocks.find import Clocks, find_clocks
from colocate.host.clocks.governor import follows_load
from colocate.host.cpus import cpuset
from colocate.host.cpus.containing import allow_fifo
from colocate.host.facts import read_facts
from colocate.host.processes.open_files import allow_open_files
from colocate.host.processes.priority import check_fifo
from colocate.host.processes.signals import UnbrokenExit
from colocate.host.processes.suspension import suspended_together
from colocate.host.restore import journal
from colocate.host.restore.session import held
from colocate.host.sysfs import Sysfs
from colocate.inference.backends import availability
from colocate.inference.backends.registry import BACKENDS, Runtime
from colocate.inference.networks import catalogue
from colocate.inference.networks.network import Network
from colocate.model.device import DLA_PRECISION, USUAL, Workers, is_dla
from colocate.model.layers import LayerMap
from colocate.model.machine import HostFacts
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import Trial, TrialRecord
from colocate.power.find import Meters, find_meters
from colocate.rigs.host.children import INFERENCE_SEAT, Children, Seats, members, task_places, wants_fifo
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.host.rehearsal import rehearse
from colocate.rigs.host.startable import check_programs
from colocate.rigs.host.trained import check_trainings, trained_from
from colocate.rigs.host.window import Hold, run_window
from colocate.study.plan import loaded_inferences
from colocate.worker.backends.synthetic import spin_length_s
from colocate.worker.errors import WorkerError


class HostRig:
    """Runs trials on this machine."""

    def __init__(
        self, profiled: str | None = None, task_output: Path | None = None, workers: Workers = USUAL
    ) -> None:
        """See `make_rig`."""
        self._profiled = profiled
        self._task_output = task_output
        self._workers = workers
        self._sysfs = Sysfs()
        self._hold: Hold | None = None

    @cached_property
    def _confinement(self) -> cpuset.Confinement:
        return cpuset.detect()

    @cached_property
    def _clocks(self) -> Clocks:
        return find_clocks(self._sysfs, self._workers.gpu or 0)

    @cached_property
    def _meters(self) -> Meters:
        return find_meters().of_gpu(self._workers.gpu)

    def facts(self) -> HostFacts:
        """See `Rig.facts`. Raises HostError if the study chooses a GPU and CUDA_VISIBLE_DEVICES is set."""
        if self._workers.gpu is not None and "CUDA_VISIBLE_DEVICES" in os.environ:
            raise HostError("CUDA_VISIBLE_DEVICES hides GPUs, so that meters would follow another: unset it")
        found = availability.look(self._workers)
        return dataclasses.replace(
            read_facts(self._confinement, self._clocks, self._meters.rails, self._sysfs),
            backends=found.runtimes,
            probes=found.probes,
            backends_missing=found.missing,
        )

    def check(self, trials: Sequence[Trial]) -> None:
        """See `Rig.check`."""
        if any(trial.inference and trial.inference.pipeline and wants_fifo(trial) for trial in trials):
            raise HostError("fifo: the threads of a pipeline are its own; start it by `chrt -f 1` instead")
        check_programs(trials)
        if self._task_output is not None:
            check_folder(self._task_output)
        allow_open_files(1 + sum(len(cpus) for _, cpus in task_places(trials, self._confinement).values()))
        check_trainings(loaded_inferences(trials), self._workers.python)
        for inference in loaded_inferences(trials):
            if not inference.by_runtime:
                continue
            runtime = BACKENDS[inference.backend]
            on_dla = is_dla(self._workers.device)
            precisions = (DLA_PRECISION,) if on_dla else runtime.precisions
            # An engine has a precision of its own.
            if inference.precision and inference.precision not in precisions:
                can = f"runs {' and '.join(precisions)} {f'on {self._workers.device}' if on_dla else 'here'}"
                fix = f"; choose {DLA_PRECISION}" if on_dla else self._why_no_gpu(runtime)
                raise HostError(f"{inference.backend} {can}, not {inference.precision}{fix}")
            if (inference.graph or inference.wait != "spin") and not runtime.on_gpu:
                raise HostError(
                    f"{inference.backend} runs on the CPU: leave out --graph and --wait{self._why_no_gpu(runtime)}"
                )
            if inference.backend == "synthetic":
                _check_spin(inference.network)
            elif runtime.own_networks is None:
                catalogue.check(inference.network, inference.batch, inference.inputs)

    def _why_no_gpu(self, runtime: Runtime) -> str:
        """Return why no runtime for a GPU can take the place of `runtime`, to end a message; "" if `runtime` runs on
        a GPU.
        """
        if runtime.on_gpu or runtime.own_networks is not None:
            return ""
        missing = availability.look(self._workers).missing
        return "".join(
            f"; {name}: {missing[name].reason}"
            for name, other in BACKENDS.items()
            if other.on_gpu and other.own_networks is None and name in missing
        )

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Rig.networks`."""
        resolved = {inference.file_label: _network(inference) for inference in inferences}
        loaded = {label: network.described() for label, network in resolved.items() if network is not None}
        return {**loaded, **trained_from(inferences)}

    def provenance(self) -> None:
        """See `Rig.provenance`: None, because this is a real machine."""

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        """See `Rig.opened`. At the end the children end, the cpusets are removed, and the clocks and this process's
        own CPUs are restored.
        """
        first = trials[0].placement
        seats_wanted = task_places(trials, self._confinement)
        groups = {INFERENCE_SEAT: first.inference_cpus, **dict(seats_wanted.values())}
        weighed = any(member.containment is not None for trial in trials for member in members(trial))
        wanted = _pinned_domains(trials)
        with UnbrokenExit() as stack:
            # Outermost, because it starts the watchdog, which also removes the cpusets of a killed sweep.
            pins = stack.enter_context(held(self._clocks, wanted, journal.state_folder(), self._sysfs))
            made = stack.enter_context(cpuset.confined(self._confinement, groups, weighed=weighed))
            tasks = {
                (place, task): dataclasses.replace(made[name], containment=task.containment)
                for (place, task), (name, _) in seats_wanted.items()
            }
            seats = Seats(made[INFERENCE_SEAT], tasks, self._confinement)
            if any(wants_fifo(trial) for trial in trials):
                allow_fifo(seats.inference.groups)
                check_fifo(seats.inference)
            stack.enter_context(_moved_to(first.housekeeping_cpus))
            monitor = Monitor(self._sysfs, self._clocks, self._meters, self._workers.gpu)
            stack.callback(monitor.close)
            loaded = {each: _network(each) for each in loaded_inferences(trials)}
            children = Children(seats, loaded, self._profiled, self._task_output, self._workers)
            stack.enter_context(_ended(children))
            stack.enter_context(suspended_together(lambda: children.pids))
            self._hold = Hold(children, pins, monitor, ramps=follows_load(self._sysfs))
            rehearse(children, trials)
            yield

    def run(self, trial: Trial) -> TrialRecord:
        """See `Rig.run`."""
        assert self._hold is not None, "a trial runs inside opened()"
        self._hold.pins.check()
        try:
            return run_window(trial, self._hold)
        except TrialError as error:
            # Whatever state the children are in, the next trial starts with new ones.
            try:
                self._hold.children.close()
            except HostError as more:
                raise TrialError(f"{error}; {more}") from error
            raise

    def layer_map(self, inference: Inference, clocks: ClockPoint, *, runs: bool = True) -> LayerMap:
        """See `Rig.layer_map`."""
        # These import onnx, which no window needs.
        from colocate.inference.backends import profiling
        from colocate.inference.onnx import graph
        from colocate.inference.onnx.layer_map import commonly_fused, fused_layers, launch_overhead
        from colocate.inference.onnx.matching import Ran

        network = _network(inference)
        if network is None:
            raise SpecError(f"'{inference.network}' has no layers to look at; give a network in a file")
        layers = graph.layers(network.path)
        profiles = BACKENDS[inference.backend].profiles
        ran: Sequence[Ran] = (
            profiling.steps(inference, network, self._workers) if profiles and runs else commonly_fused(layers)
        )
        found = fused_layers(ran, layers)
        beside = launch_overhead(network.path) if BACKENDS[inference.backend].on_gpu else None
        return LayerMap((*found, *([beside] if beside else ())), timed=profiles, precision=graph.precision(layers))


def _check_spin(network: str) -> None:
    try:
        spin_length_s(network)
    except WorkerError as error:
        raise SpecError(str(error)) from error


def _pinned_domains(trials: Sequence[Trial]) -> set[str]:
    names = {"cpu": "cpu_hz", "gpu": "gpu_hz", "emc": "emc_hz"}
    return {name for name, clock in names.items() if any(getattr(t.clocks, clock) is not None for t in trials)}


def _network(inference: Inference) -> Network | None:
    if not inference.by_runtime or BACKENDS[inference.backend].own_networks is not None:
        return None
    return catalogue.resolve(inference.network, inference.batch, inference.precision, inference.inputs)


@contextlib.contextmanager
def _ended(children: Children) -> Iterator[None]:
    """End the children at the end of the block. A cleanup that fails raises HostError; if the block already raised
    another exception, the failure is added to that as a note.
    """
    try:
        yield
    except BaseException as first:
        try:
            children.close()
        except HostError as error:
            add_note(first, str(error))
        raise
    children.close()


@contextlib.contextmanager
def _moved_to(cpus: tuple[int, ...]) -> Iterator[None]:
    """Inside, this process runs on `cpus`, away from what it measures."""
    former = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, former)
