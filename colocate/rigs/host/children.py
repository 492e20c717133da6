"""The child processes of a host rig: one worker for the network, and those of each task. Each starts on first use."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from colocate.errors import HostError, StoreError, TrialError
from colocate.files import make_folder, open_log
from colocate.host.cpus.containing import contain
from colocate.host.cpus.cpuset import AFFINITY_ALONE, Confinement, Seat
from colocate.host.cpus.scheduling import at_launch
from colocate.host.processes.child import Child, launcher
from colocate.host.processes.pausing import Pause, Together, pause_of, resume_all, stands_still
from colocate.host.processes.priority import prioritised
from colocate.inference.backends.interpreter import worker_command
from colocate.inference.backends.registry import BACKENDS, worker_request
from colocate.inference.networks.network import Network
from colocate.model.command import PER_CPU
from colocate.model.device import USUAL, Workers
from colocate.model.request import Inference, Pipeline, Placement, Task
from colocate.model.trial import Trial
from colocate.rigs.host.own_programs import caller, failure_words, runners
from colocate.rigs.host.trained import training_command
from colocate.worker.pipeline import PipelineRequest
from cpu_workloads.command_request import CLEANUP_FAILED

# A slow clock stretches loading a hundredfold; a child that is silent for longer is stuck.
READY_TIMEOUT_S = 600.0
# A network that is trained is ready after all its epochs. Ranks that wait for one another in vain end by themselves.
TRAINED_TIMEOUT_S = 7 * 86400.0
# A service that does not stand still for so long after its window cannot be paused.
REST_TIMEOUT_S = 5.0
# A program's end takes some seconds at the worst, and its cleanup as long as it is given.
END_TIMEOUT_S, CLEANUP_TIMEOUT_S = 1.0, 70.0
# The seat that the network's worker takes.
INFERENCE_SEAT = "inference"


@dataclass(frozen=True, slots=True)
class Seats:
    """The seat (cgroups and CPUs) of the network's worker, and one for each task in each placement.

    Each task has a seat of its own, so that it can be paused and contained by itself. `held` says which cgroups there
    are.
    """

    inference: Seat
    tasks: Mapping[tuple[str, Task], Seat]
    held: Confinement = AFFINITY_ALONE

    def of(self, task: Task, place: Placement) -> Seat:
        """Return the seat of a task in a placement."""
        return self.tasks[place.name, started_as(task, self.held)]


def started_as(task: Task, held: Confinement) -> Task:
    """Return the task with only that part of its containment which must be set when its processes start: their
    number, and what no cgroup of this machine can do.

    The rest is set later in their cgroups, so the same processes serve every containment that differs only in that.
    """
    per_cpu = not task.argv or task.command.copies == PER_CPU
    bound = at_launch(task.containment, by_class=held.shares is None, cpus_too=held.cpusets is None or per_cpu)
    return dataclasses.replace(task, containment=bound)


def task_places(trials: Sequence[Trial], held: Confinement) -> dict[tuple[str, Task], tuple[str, tuple[int, ...]]]:
    """Return, for each task in each placement, the name of its seat and the CPUs in it."""
    wanted = {
        (trial.placement.name, started_as(member, held)): trial.placement.task_cpus
        for trial in trials
        for member in members(trial)
    }
    return {
        (place, task): (f"{place}_{number}", cpus[: task.containment.cpus if task.containment else None])
        for number, ((place, task), cpus) in enumerate(wanted.items())
    }


def members(trial: Trial) -> tuple[Task, ...]:
    """Return the tasks of a trial: several for a mix, none if it has no task."""
    return () if trial.task is None else trial.task.members


def wants_fifo(trial: Trial) -> bool:
    """Return whether the network's launching thread gets real-time priority (SCHED_FIFO) in this trial."""
    return any(member.containment is not None and member.containment.fifo for member in members(trial))


class Seated(NamedTuple):
    """The processes of a task, and the seat that they run in."""

    seat: Seat
    children: Sequence[Child]


class Children:
    """Keeps the children from window to window: an idle child sleeps in a read and costs no CPU time.

    One network is loaded at a time. Its worker is replaced when a trial asks for another network, and ended when a
    trial asks for none.
    """

    def __init__(
        self,
        seats: Seats,
        networks: Mapping[Inference, Network | None],
        profiled: str | None = None,
        task_output: Path | None = None,
        workers: Workers = USUAL,
    ) -> None:
        """`profiled` is the network whose layers its runtime profiles after each window. The folder
        `task_output` gets what the user's programs print. `workers` says how workers are run.
        """
        self._seats = seats
        self._profiled = profiled
        self._task_output = task_output
        self._workers = workers
        self._networks = networks
        self._worker: tuple[tuple[Inference, int], Child] | None = None
        self._tasks: dict[tuple[Task, Placement], list[Child]] = {}

    def worker(self, trial: Trial) -> list[Child]:
        """Return the worker of the trial's network, ready; an empty list if the trial has no network."""
        training = None if trial.inference is None else trial.inference.training
        # Each repeat trains a network of its own, from its own seed.
        seed = 0 if training is None else trial.repeat
        if self._worker is not None and self._worker[0] != (trial.inference, seed):
            self._close_worker()
        if trial.inference is None:
            return []
        if self._worker is None:
            child = self._started(trial.inference, trial.placement, seed)
            self._worker = ((trial.inference, seed), child)
            child.ready(READY_TIMEOUT_S if training is None else TRAINED_TIMEOUT_S)
        return [self._worker[1]]

    def _started(self, inference: Inference, place: Placement, seed: int) -> Child:
        seat = self._seats.inference
        if inference.training is not None:
            command = training_command(inference, inference.training, seed, self._workers.python)
            return Child(inference.network, command, seat)
        if inference.pipeline is not None:
            # Who reads what the program reports must not take its CPUs from it.
            command = _pipeline_command(inference.pipeline, seat)
            return Child(inference.network, command, Seat(place.housekeeping_cpus), runs_program=True)
        profiled = inference.network == self._profiled
        command = self._worker_command(inference, profiled=profiled)
        return Child(inference.network, command, seat)

    def tasks(self, trial: Trial) -> list[Child]:
        """Return the processes of the trial's tasks, ready; an empty list if it has no task."""
        return [child for seated in self.seated(trial) for child in seated.children]

    @property
    def pids(self) -> list[int]:
        """The process id of every running child."""
        worker = [] if self._worker is None else [self._worker[1]]
        return [child.pid for children in (worker, *self._tasks.values()) for child in children]

    def seated(self, trial: Trial) -> list[Seated]:
        """Return, for each task of the trial, its seat and its processes, ready."""
        return [
            Seated(self._seats.of(member, trial.placement), self.of(member, trial.placement))
            for member in members(trial)
        ]

    def of(self, task: Task, place: Placement) -> list[Child]:
        """Return the processes of one task, ready. A mix that has the task uses the same processes."""
        key = (started_as(task, self._seats.held), place)
        if key not in self._tasks:
            # Listed before any is ready: whatever fails, they are closed.
            started = self._tasks[key] = []
            with self._logged(key[0], place) as log:
                keeps = () if log is None else (log,)
                for command, seat in self._commands(key[0], self._seats.of(task, place), log):
                    started.append(Child(task.name, command, seat, runs_program=bool(task.argv), keeps=keeps))
            for child in started:
                child.ready(READY_TIMEOUT_S)
        return self._tasks[key]

    def _commands(self, task: Task, seat: Seat, log: int | None) -> Iterable[tuple[list[str], Seat]]:
        """Return the command and the seat of each process. A built-in task has one process per CPU, bound to that
        CPU; a network has one on all CPUs; a user's program has as many as it asks for.
        """
        if task.inference is not None:
            return [(self._worker_command(task.inference, counted=True), seat)]
        if task.argv:
            return runners(task, seat, log)
        own = [sys.executable, "-m", "cpu_workloads", task.name, "--child"]
        return [(own, dataclasses.replace(seat, cpus=(cpu,))) for cpu in seat.cpus]

    def _worker_command(self, inference: Inference, *, profiled: bool = False, counted: bool = False) -> list[str]:
        network, backend = self._networks[inference], inference.backend
        request = worker_request(
            inference,
            None if network is None else network.file,
            profiled=profiled and BACKENDS[backend].profiles,
            counted=counted,
            device=self._workers.device,
        )
        return worker_command(backend, self._workers.python, "colocate.worker", request.to_json())

    def start(self, trial: Trial) -> None:
        """Start the user's programs among the trial's tasks, and wait until they are ready. Raises TrialError if one
        fails.
        """
        for member, seated in zip(members(trial), self.seated(trial), strict=True):
            if not member.argv:
                continue
            first, *others = seated.children
            pause_of(*seated).resume()
            # The first prepares what all of them need.
            for children in ([first], others):
                for child in children:
                    child.start()
                for child in children:
                    if failed := child.started(READY_TIMEOUT_S).get("failed"):
                        raise TrialError(failure_words(member, failed))

    def rest(self, trial: Trial) -> None:
        """Pause the services among the trial's tasks until their next window. Raises TrialError if one cannot be
        paused.
        """
        for member, seated in zip(members(trial), self.seated(trial), strict=True):
            if member.argv and member.keeps_running:
                pause = pause_of(*seated)
                pause.ask()
                if not stands_still(pause, REST_TIMEOUT_S):
                    raise TrialError(
                        f"task '{member.name}' cannot be paused between its windows; give it pause = false"
                    )

    @contextlib.contextmanager
    def _logged(self, task: Task, place: Placement) -> Iterator[int | None]:
        """Yield the open log of a user's program; None if its output is not kept. Raises StoreError if it cannot be
        opened.
        """
        if self._task_output is None or not task.argv:
            yield None
            return
        try:
            make_folder(self._task_output)
            log = open_log(self._task_output / f"{task.name}-{place.name}.log")
        except OSError as error:
            raise StoreError(f"cannot keep what tasks print in {self._task_output}: {error.strerror}") from error
        try:
            yield log
        finally:
            os.close(log)

    @contextlib.contextmanager
    def contained(self, trial: Trial) -> Iterator[None]:
        """Inside, the containment of each task is in force, and the network has real-time priority if wanted.

        Afterwards the tasks run without limits, because one with little CPU time would be slow to answer. Raises
        KnobError or HostError if the kernel refuses.
        """
        with contextlib.ExitStack() as stack:
            for member in members(trial):
                seat = self._seats.of(member, trial.placement)
                contain(seat.groups, seat.cpus, member.containment)
                if member.containment is not None:
                    stack.callback(contain, seat.groups, seat.cpus, None)
            if wants_fifo(trial):
                for child in self.worker(trial):
                    stack.enter_context(prioritised(child))
            yield

    def pauses(self, trial: Trial) -> tuple[Pause, Pause]:
        """Return what pauses and resumes the trial's tasks together, and what does so for its network."""
        tasks = [pause_of(seated.seat, seated.children) for seated in self.seated(trial)]
        network = pause_of(self._seats.inference, self.worker(trial))
        return (tasks[0] if len(tasks) == 1 else Together(tasks)), network

    def close(self) -> None:
        """End every process. Paused processes are resumed first, as they could not end otherwise.

        Raises HostError if a cleanup failed, after all processes have ended.
        """
        tasks = [pause_of(self._seats.of(task, place), started) for (task, place), started in self._tasks.items()]
        worker = [] if self._worker is None else [pause_of(self._seats.inference, [self._worker[1]])]
        resume_all([*tasks, *worker])
        for (task, _), started in self._tasks.items():
            # The first cleans up what all of them need.
            for child in started[bool(task.command.cleanup) :]:
                child.hang_up()
        self._close_worker()
        failed: list[str] = []
        while self._tasks:
            (task, _), started = self._tasks.popitem()
            for child in reversed(started):
                status, said = child.close(_end_timeout_s(task, child))
                if status == CLEANUP_FAILED:
                    failed.append(f"task '{task.name}': {said}")
        if failed:
            raise HostError("; ".join(failed))

    def _close_worker(self) -> None:
        if self._worker is not None:
            self._worker[1].close()
            self._worker = None


def _end_timeout_s(task: Task, child: Child) -> float:
    """Return how long a task's process may take to end, in seconds: 0 if it was never ready, because then it has
    nothing to clean up.
    """
    if not child.facts:
        return 0.0
    return CLEANUP_TIMEOUT_S if task.command.cleanup else END_TIMEOUT_S


def _pipeline_command(pipeline: Pipeline, seat: Seat) -> list[str]:
    user, environment, launching = caller(), dict(pipeline.environment), launcher(seat)
    if user is not None:
        # What a study sets may not reach the launcher, which is root's.
        settings = [f"{name}={text}" for name, text in {**user.environment, **environment}.items()]
        launching, environment = [*launcher(seat, user=user.numbers), "env", *settings], {}
    request = PipelineRequest(
        pipeline.argv,
        pipeline.latency,
        pipeline.latency_unit,
        environment,
        pipeline.directory,
        pipeline.ready_s,
        tuple(launching),
    )
    return [sys.executable, "-m", "colocate.worker.pipeline", request.to_json()]
