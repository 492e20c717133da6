"""The machine it stands on: children in cpusets, one window at a time."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from colocate.errors import HostError, SpecError, TrialError
from colocate.host import cpuset
from colocate.host.activity import read_activity
from colocate.host.facts import read_facts
from colocate.host.signals import deferred
from colocate.inference import PRECISIONS, available_backends, networks
from colocate.inference.synthetic import spin_length_s
from colocate.rigs.children import INFERENCE_SEAT, Children
from colocate.rigs.reports import record, work
from colocate.study.model import HostFacts, Inference, Trial, TrialRecord
from colocate.study.plan import distinct_inferences

ANSWER_TIMEOUT_S = 60.0
# How long a user's program is tried before the sweep: one that cannot run fails well inside it.
REHEARSAL_S = 0.5


class HostRig:
    """Serves trials on this machine, at the clocks it has."""

    def __init__(self) -> None:
        self._children: Children | None = None
        self._block: int | None = None

    @cached_property
    def _confinement(self) -> cpuset.Confinement:
        return cpuset.detect()

    def facts(self) -> HostFacts:
        """See `Rig.facts`."""
        return read_facts(self._confinement, available_backends())

    def check(self, inferences: Sequence[Inference]) -> None:
        """See `Rig.check`."""
        for inference in inferences:
            if inference.precision not in PRECISIONS[inference.backend]:
                can = " and ".join(PRECISIONS[inference.backend])
                raise HostError(f"{inference.backend} runs {can} here, not {inference.precision}")
            if inference.backend == "synthetic":
                spin_length_s(inference.network)
            else:
                networks.check(inference.network, inference.batch)

    def networks(self, inferences: Sequence[Inference]) -> Mapping[str, Mapping[str, Any]]:
        """See `Rig.networks`."""
        described = {}
        for inference in inferences:
            if (network := _network(inference)) is not None:
                # Where the file lies is this user's affair, and may change; what it holds is the study's.
                described[inference.network] = {k: v for k, v in network.to_json().items() if k != "path"}
        return described

    @contextlib.contextmanager
    def opened(self, trials: Sequence[Trial]) -> Iterator[None]:
        """See `Rig.opened`. Children end, the cpusets go, and this process gets its CPUs back."""
        places = {trial.placement.name: trial.placement for trial in trials}
        first = next(iter(places.values()))
        groups = {name: place.stressor_cpus for name, place in places.items()}
        groups[INFERENCE_SEAT] = first.inference_cpus
        with contextlib.ExitStack() as stack:
            seats = stack.enter_context(cpuset.confined(self._confinement, groups))
            stack.enter_context(_moved_to(first.housekeeping_cpus))
            self._children = Children(seats, {each: _network(each) for each in distinct_inferences(trials)})
            stack.callback(self._children.close)
            try:
                self._rehearse(self._children, trials)
                yield
            finally:
                with deferred():
                    stack.close()

    def run(self, trial: Trial) -> TrialRecord:
        """See `Rig.run`."""
        assert self._children is not None, "a trial runs inside opened()"
        try:
            return self._run(trial, self._children)
        except TrialError:
            # Whatever state the children are in, the next trial starts with new ones.
            self._children.close()
            raise

    def _run(self, trial: Trial, children: Children) -> TrialRecord:
        stressors, worker = children.stressors(trial), children.worker(trial)
        if trial.block != self._block:
            self._block = trial.block
            time.sleep(trial.settle_s)
        # Stressors begin first and end last, so that the whole of the network's window is under load.
        for child in (*stressors, *worker):
            child.go()
        time.sleep(trial.warmup_s)
        for child in (*stressors, *worker):
            child.go()
        started_unix_s = time.time()
        before = read_activity(trial.placement.inference_cpus, worker)
        time.sleep(trial.window_s)
        activity = read_activity(trial.placement.inference_cpus, worker) - before
        served = [child.stop(ANSWER_TIMEOUT_S) for child in worker]
        worked = [child.stop(ANSWER_TIMEOUT_S) for child in stressors]
        return record(trial, started_unix_s, served, worked, activity)

    def _rehearse(self, children: Children, trials: Sequence[Trial]) -> None:
        """Start every stressor, and load every network of the user's own, once: what cannot run at all is said
        before the first window and not by a column of empty cells.
        """
        for trial in {(trial.stressor, trial.placement): trial for trial in trials}.values():
            users_own = trial.stressor is not None and bool(trial.stressor.argv)
            try:
                for child in children.stressors(trial):
                    if users_own:
                        child.go()
                        time.sleep(REHEARSAL_S)
                        work([child.stop(ANSWER_TIMEOUT_S)])
            except TrialError as error:
                raise (SpecError if users_own else HostError)(str(error)) from error
        for trial in {trial.inference: trial for trial in trials}.values():
            if trial.inference is not None and trial.inference.network not in networks.builtin_names():
                try:
                    children.worker(trial)
                except TrialError as error:
                    raise SpecError(str(error)) from error


def _network(inference: Inference) -> networks.Network | None:
    if inference.backend == "synthetic":
        return None
    return networks.resolve(inference.network, inference.batch)


@contextlib.contextmanager
def _moved_to(cpus: tuple[int, ...]) -> Iterator[None]:
    """The measuring process on `cpus`, away from what it measures."""
    former = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, former)
