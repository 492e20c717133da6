"""Alternating trials, the ways to pause that this machine has, and as a script a sweep of them that never ends."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import sys
import tempfile
from pathlib import Path

from colocate.errors import Interrupted, TrialError
from colocate.host.cpus import cpuset
from colocate.host.cpus.cpuset import Confinement
from colocate.host.processes.signals import interruptible
from colocate.model.request import Task
from colocate.model.trial import Condition, Trial
from colocate.rigs.host.alternation import Alternation
from colocate.rigs.host.rig import HostRig
from tests.rigs.host.trials import SHARED, trial

KINDS = ("cgroup-v2", "cgroup-v1", "signals")
# Its grandchild has left session and group, and nobody but a subreaper finds it.
DAEMON = Task("daemon", ("sh", "-c", "setsid sleep 1000 & while true; do :; done"))


def alternating(task: Task, network: str = "spin-1ms", window_s: float = 0.5, seed: object = "id") -> Trial:
    asked = trial(network, task, placement=SHARED, window_s=window_s)
    return dataclasses.replace(asked, alternating=True, trial_id=str(seed))


def confinement_of(kind: str) -> Confinement | None:
    """A confinement that pauses in this way; None where this process has none."""
    without = {"cgroup-v2": (), "cgroup-v1": ("cgroup2",), "signals": ("cgroup", "cgroup2")}[kind]
    lines = [line for line in Path("/proc/mounts").read_text().splitlines() if line.split()[2] not in without]
    with tempfile.NamedTemporaryFile("w") as mounts:
        mounts.write("\n".join(lines))
        mounts.flush()
        found = cpuset.detect(mounts=Path(mounts.name))
    return found if found.pausing == kind else None


def rig_of(kind: str) -> HostRig:
    rig, found = HostRig(), confinement_of(kind)
    assert found is not None
    rig.__dict__["_confinement"] = found
    return rig


def main(kind: str, task: Task) -> None:
    """Say each condition that is reached."""
    switched = Alternation._switched

    def told(self: Alternation, condition: Condition, timeout_s: float) -> bool:
        still = switched(self, condition, timeout_s)
        os.write(1, f"{condition.name}\n".encode())
        return still

    Alternation._switched = told  # type: ignore[method-assign]
    rig = rig_of(kind)
    with interruptible(), rig.opened([alternating(task)]):
        for seed in itertools.count():
            # On a busy machine a window may hold no inference in one of its conditions.
            with contextlib.suppress(TrialError):
                rig.run(alternating(task, seed=seed))


if __name__ == "__main__":
    try:
        main(sys.argv[1], DAEMON if sys.argv[2] == "daemon" else Task(sys.argv[2]))
    except Interrupted as interruption:
        sys.exit(interruption.exit_code)
