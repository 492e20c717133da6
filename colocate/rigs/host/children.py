"""The processes that a host rig keeps: the worker of one network, and each task's, started when first wanted."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import HostError, StoreError, TrialError
from colocate.host.cpus.containing import contain
from colocate.host.cpus.cpuset import AFFINITY_ALONE, Confinement, Seat
from colocate.host.cpus.scheduling import at_launch
from colocate.host.processes.child import Child, launcher
from colocate.host.processes.pausing import Pause, pause_of, resume_all, stands_still
from colocate.host.processes.priority import prioritised
from colocate.inference.backends.registry import BACKENDS, worker_request
from colocate.inference.networks.network import Network
from colocate.model.command import PER_CPU
from colocate.model.request import Inference, Pipeline, Placement, Task
from colocate.model.trial import Trial
from colocate.rigs.host.own_programs import failure_words, keeps_running, runners
from colocate.worker.pipeline import PipelineRequest
from cpu_workloads.command_request import CLEANUP_FAILED

# A slow clock stretches loading a hundredfold; a child that is silent for longer is stuck.
READY_TIMEOUT_S = 600.0
# A service that does not stand still for so long after its window cannot be paused.
REST_TIMEOUT_S = 5.0
# A program's end takes some seconds at the worst, and its cleanup as long as it is given.
END_TIMEOUT_S, CLEANUP_TIMEOUT_S = 1.0, 70.0
# The seat that the network's worker takes.
INFERENCE_SEAT = "inference"


@dataclass(frozen=True, slots=True)
class Seats:
    """Where the network's worker sits, and each task in each placement: it is paused and bounded by itself, as
    `held` can.
    """

    inference: Seat
    tasks: Mapping[tuple[str, Task], Seat]
    held: Confinement = AFFINITY_ALONE

    def of(self, task: Task, place: Placement) -> Seat:
        """The seat of a task in a placement."""
        return self.tasks[place.name, started_as(task, self.held)]


def started_as(task: Task, held: Confinement) -> Task:
    """The task as its processes are started: they serve every containment that is set in their groups. What is set
    when they start is how many they are, and what no group here can do.
    """
    per_cpu = not task.argv or task.command.copies == PER_CPU
    bound = at_launch(task.containment, by_class=held.shares is None, cpus_too=held.cpusets is None or per_cpu)
    return dataclasses.replace(task, containment=bound)


def task_places(trials: Sequence[Trial], held: Confinement) -> dict[tuple[str, Task], tuple[str, tuple[int, ...]]]:
    """The name and the CPUs of the seat of each task in each placement."""
    wanted = {
        (trial.placement.name, started_as(trial.task, held)): trial.placement.task_cpus
        for trial in trials
        if trial.task is not None
    }
    return {
        (place, task): (f"{place}_{number}", cpus[: task.containment.cpus if task.containment else None])
        for number, ((place, task), cpus) in enumerate(wanted.items())
    }


def wants_fifo(trial: Trial) -> bool:
    """Whether the network's launching thread is to go before all else."""
    return trial.task is not None and trial.task.containment is not None and trial.task.containment.fifo


class Children:
    """Idle children sleep in a read and cost no CPU, so they are kept from window to window.

    One network is loaded at a time: its worker is replaced when a trial asks for another, or for none.
    """

    def __init__(
        self,
        seats: Seats,
        networks: Mapping[Inference, Network | None],
        profiled: str | None = None,
        task_output: Path | None = None,
    ) -> None:
        """`profiled` is the network whose windows each end with a profile of its runtime's own. The folder
        `task_output` gets all that programs of the user's own print.
        """
        self._seats = seats
        self._profiled = profiled
        self._task_output = task_output
        self._networks = networks
        self._worker: tuple[Inference, Child] | None = None
        self._tasks: dict[tuple[Task, Placement], list[Child]] = {}

    def worker(self, trial: Trial) -> list[Child]:
        """The worker that serves the trial's network, ready; empty where the trial has none."""
        if self._worker is not None and self._worker[0] != trial.inference:
            self._close_worker()
        if trial.inference is None:
            return []
        if self._worker is None:
            child = self._started(trial.inference, trial.placement)
            self._worker = (trial.inference, child)
            child.ready(READY_TIMEOUT_S)
        return [self._worker[1]]

    def _started(self, inference: Inference, place: Placement) -> Child:
        seat = self._seats.inference
        if inference.pipeline is not None:
            # Who reads what the program reports must not take its CPUs from it.
            command = _pipeline_command(inference.pipeline, seat)
            return Child(inference.network, command, Seat(place.housekeeping_cpus), runs_program=True)
        profiled = inference.network == self._profiled
        command = _worker_command(inference, self._networks[inference], profiled=profiled)
        return Child(inference.network, command, seat)

    def tasks(self, trial: Trial) -> list[Child]:
        """The processes of the trial's task, ready; empty where it has none."""
        if trial.task is None:
            return []
        key = (started_as(trial.task, self._seats.held), trial.placement)
        if key not in self._tasks:
            # Listed before any is ready: whatever fails, they are closed.
            started = self._tasks[key] = []
            seat = self.task_seat(trial)
            commands = runners(key[0], seat, self._log(trial)) if trial.task.argv else _copies(key[0], seat)
            for command, seat in commands:
                started.append(Child(trial.task.name, command, seat, runs_program=bool(trial.task.argv)))
            for child in started:
                child.ready(READY_TIMEOUT_S)
        return self._tasks[key]

    def task_seat(self, trial: Trial) -> Seat:
        """Where the trial's task sits."""
        assert trial.task is not None
        return self._seats.of(trial.task, trial.placement)

    def start(self, trial: Trial) -> None:
        """Let the trial's task work, and wait until it is ready; a built-in is. Raises TrialError."""
        if trial.task is None or not trial.task.argv:
            return
        first, *others = self.tasks(trial)
        pause_of(self.task_seat(trial), [first, *others]).resume()
        # The first prepares what all of them need.
        for children in ([first], others):
            for child in children:
                child.start()
            for child in children:
                if failed := child.started(READY_TIMEOUT_S).get("failed"):
                    raise TrialError(failure_words(trial.task, failed))

    def rest(self, trial: Trial) -> None:
        """Pause the trial's task until its next window, if it is one that runs on. Raises TrialError."""
        if trial.task is None or not trial.task.argv or not keeps_running(trial.task):
            return
        pause = pause_of(self.task_seat(trial), self.tasks(trial))
        pause.ask()
        if not stands_still(pause, REST_TIMEOUT_S):
            raise TrialError(f"task '{trial.task.name}' cannot be paused between its windows; give it pause = false")

    def _log(self, trial: Trial) -> Path | None:
        if self._task_output is None or trial.task is None:
            return None
        try:
            self._task_output.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder {self._task_output}: {error.strerror}") from error
        return self._task_output / f"{trial.task.name}-{trial.placement.name}.log"

    @contextlib.contextmanager
    def contained(self, trial: Trial) -> Iterator[None]:
        """Inside, the task is bounded and the network's launching thread goes first as the trial wants it.

        Afterwards the task is free: one that is held short would be long in answering. Raises KnobError, HostError.
        """
        with contextlib.ExitStack() as stack:
            if trial.task is not None:
                seat = self.task_seat(trial)
                contain(seat.groups, seat.cpus, trial.task.containment)
                if trial.task.containment is not None:
                    stack.callback(contain, seat.groups, seat.cpus, None)
            if wants_fifo(trial):
                for child in self.worker(trial):
                    stack.enter_context(prioritised(child))
            yield

    def pauses(self, trial: Trial) -> tuple[Pause, Pause]:
        """Ways to hold the trial's task and its network, both of them ready."""
        task = pause_of(self.task_seat(trial), self.tasks(trial))
        return task, pause_of(self._seats.inference, self.worker(trial))

    def close(self) -> None:
        """End them all; what is paused could not end, and so goes on first. Raises HostError in the end for a cleanup
        that failed.
        """
        tasks = [pause_of(self._seats.of(task, place), started) for (task, place), started in self._tasks.items()]
        worker = [] if self._worker is None else [pause_of(self._seats.inference, [self._worker[1]])]
        resume_all([*tasks, *worker])
        self._close_worker()
        failed: list[str] = []
        while self._tasks:
            (task, _), started = self._tasks.popitem()
            for child in reversed(started):
                status, said = child.close(CLEANUP_TIMEOUT_S if task.command.cleanup else END_TIMEOUT_S)
                if status == CLEANUP_FAILED:
                    failed.append(f"task '{task.name}': {said}")
        if failed:
            raise HostError("; ".join(failed))

    def _close_worker(self) -> None:
        if self._worker is not None:
            self._worker[1].close()
            self._worker = None


def _worker_command(inference: Inference, network: Network | None, *, profiled: bool) -> list[str]:
    request = worker_request(
        inference,
        None if network is None else network.file,
        profiled=profiled and BACKENDS[inference.backend].profiles,
    )
    return [sys.executable, "-m", "colocate.worker", request.to_json()]


def _pipeline_command(pipeline: Pipeline, seat: Seat) -> list[str]:
    request = PipelineRequest(
        pipeline.argv,
        pipeline.latency,
        pipeline.latency_unit,
        dict(pipeline.environment),
        pipeline.directory,
        pipeline.ready_s,
        tuple(launcher(seat)),
    )
    return [sys.executable, "-m", "colocate.worker.pipeline", request.to_json()]


def _copies(task: Task, seat: Seat) -> Iterator[tuple[list[str], Seat]]:
    """A built-in runs once per CPU, each copy bound to its own."""
    for cpu in seat.cpus:
        yield [sys.executable, "-m", "cpu_workloads", task.name, "--child"], dataclasses.replace(seat, cpus=(cpu,))
