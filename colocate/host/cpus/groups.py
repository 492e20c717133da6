"""Temporary cgroups: where they can be made, how they are named and claimed, and how they are removed.

The name of a cgroup has the number of the process that made it. A lock on the cgroup, its claim, says that this
process still runs. So the watchdog of a killed sweep, `restore` or the next sweep can remove what is left. Several
boards may measure on one machine, so a lock on the tree is held while a cgroup is made and claimed, while claims are
looked at, and while a controller is switched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import HostError
from colocate.host.locks import locked

MOUNTS = Path("/proc/mounts")
OWN = Path("/proc/self/cgroup")
# The files that pause a group, by version.
FREEZE, FREEZER_STATE = "cgroup.freeze", "freezer.state"
_NAME = re.compile(r"colocate-(\d+)-\w+")
# A marker is an empty cgroup named `..._CONTROLLER` after this word: its owner switched that controller on. A marker
# without a controller is of a version that knew only the cpuset controller.
_DELEGATED, _DELEGATED_FIRST = "delegated", "cpuset"
_CONTROL = "cgroup.subtree_control"
_EMPTYING_S = 10.0
# No colocate process holds a tree this long. If another program does, cgroups are removed without the lock.
_LOCKED_S = 10.0
# The values of a cgroup without limits.
_UNBOUND = {
    "cpu.idle": "0", "cpu.weight": "100", "cpu.max": "max", "cpu.shares": "1024", "cpu.cfs_quota_us": "-1"
}  # fmt: skip
# The controllers of cgroup v1 that colocate uses.
_V1_CONTROLLERS = frozenset({"cpuset", "freezer", "cpuacct", "cpu"})
# The first kernel whose cgroup v2 can pause groups.
_FREEZES_SINCE = (5, 2)


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A cgroup tree: the folder to make cgroups in, its cgroup version, and the controllers that its cgroups can
    have.

    For cgroup v2 these include `cpuacct`, because each cgroup counts its CPU time, and `freezer` if the kernel can
    pause.
    """

    folder: Path
    version: int
    controllers: frozenset[str]

    def passes_on(self, controller: str) -> bool:
        """Return whether cgroups made in the tree have the controller. In cgroup v1 they have all that the tree
        has.
        """
        return self.version == 1 or controller in (self.folder / _CONTROL).read_text().split()

    def group(self, name: str) -> Path:
        """Return the path of this process's cgroup called `name`. It need not exist."""
        return self.folder / f"colocate-{os.getpid()}-{name}"


def hierarchies(mounts: str, own: str) -> Iterator[Hierarchy]:
    """Yield the cgroup trees that colocate can use, cgroup v2 first. The arguments are the text of /proc/mounts and
    of /proc/self/cgroup.
    """
    fields = [line.split() for line in mounts.splitlines()]
    for _, folder, kind, *_ in fields:
        controllers = Path(folder) / "cgroup.controllers"
        if kind == "cgroup2" and controllers.exists():
            always = {"cpuacct", "freezer"} if groups_have(Path(folder), FREEZE, _FREEZES_SINCE) else {"cpuacct"}
            yield Hierarchy(Path(folder), 2, frozenset({*controllers.read_text().split(), *always}))
    for _, folder, kind, options, *_ in fields:
        found = _V1_CONTROLLERS.intersection(options.split(",")) if kind == "cgroup" else frozenset()
        if found:
            # A v1 group can only narrow its parent, so ours is made below the one this process sits in.
            below = Path(folder + _own_path(own, found))
            yield Hierarchy(below if below.is_dir() else Path(folder), 1, frozenset(found))


def groups_have(folder: Path, file: str, since: tuple[int, int]) -> bool:
    """Return whether cgroups made in the folder of a cgroup v2 have a file that Linux has since version `since`.

    The root of the tree cannot be paused or limited, so it may not have a file that its children have. Then the
    version decides.
    """
    release = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
    return (folder / file).exists() or release >= since


def _own_path(own: str, controllers: frozenset[str]) -> str:
    for line in own.splitlines():
        _, names, path = line.split(":", 2)
        if controllers.intersection(names.split(",")):
            return path
    return "/"


@contextlib.contextmanager
def own_groups(hierarchy: Hierarchy) -> Iterator[contextlib.ExitStack]:
    """Yield the stack that `claim` takes, to make cgroups inside the block. Afterwards this process has no cgroup
    left in the tree.
    """
    with contextlib.ExitStack() as stack:
        try:
            yield stack
        finally:
            # They stay claimed until they are gone, so no other process removes them at the same time.
            clear(hierarchy, os.getpid())


def claim(hierarchy: Hierarchy, group: Path, stack: contextlib.ExitStack) -> None:
    """Make the cgroup and lock it until the stack closes or this process ends. The lock also counts in containers,
    which know this process by another number.
    """
    with _alone(hierarchy):
        _claim(group, stack)


def _claim(group: Path, stack: contextlib.ExitStack) -> None:
    group.mkdir()
    descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    stack.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


@contextlib.contextmanager
def _alone(hierarchy: Hierarchy) -> Iterator[None]:
    """Inside, no other colocate process makes cgroups in the tree or looks at claims. After 10 s without the lock
    this goes on without it.
    """
    descriptor = os.open(hierarchy.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline_s = time.monotonic() + _LOCKED_S
        while not locked(descriptor) and time.monotonic() < deadline_s:
            time.sleep(0.001)
        yield
    finally:
        os.close(descriptor)


def delegate(hierarchy: Hierarchy, controller: str, stack: contextlib.ExitStack) -> None:
    """Switch a controller on for the cgroups in the tree if it is off. If another colocate process switched it on,
    share it: the last process that uses it switches it off.
    """
    with _alone(hierarchy):
        if not hierarchy.passes_on(controller) or _markers(hierarchy, controller):
            _claim(hierarchy.group(f"{_DELEGATED}_{controller}"), stack)
            (hierarchy.folder / _CONTROL).write_text(f"+{controller}")


def _markers(hierarchy: Hierarchy, controller: str) -> list[Path]:
    """Return the markers of all processes for a controller (see `_DELEGATED`)."""
    return [group for group in hierarchy.folder.glob(f"colocate-*-{_DELEGATED}*") if _delegated(group) == controller]


def _delegated(marker: Path) -> str:
    return marker.name.partition(_DELEGATED)[2].removeprefix("_") or _DELEGATED_FIRST


def remove_stale(*trees: Hierarchy) -> None:
    """Remove from these trees, in order, the cgroups of colocate processes that have ended."""
    claims = [claim for tree in trees for claim in _claims(tree)]
    for pid in {pid for pid, _ in claims} - {pid for pid, held in claims if held}:
        clear_all(trees, pid)


def _claims(hierarchy: Hierarchy) -> list[tuple[int, bool]]:
    """Return, for each cgroup of colocate in the tree, its process's number and whether it is still claimed."""
    found = []
    with _alone(hierarchy):
        for group in hierarchy.folder.glob("colocate-*-*"):
            # A cgroup that has gone meanwhile says nothing of the others of its process.
            with contextlib.suppress(FileNotFoundError):
                if match := _NAME.fullmatch(group.name):
                    found.append((int(match[1]), _is_claimed(group)))
    return found


def clear_all(trees: Sequence[Hierarchy], pid: int) -> None:
    """Remove from these trees, in order, every cgroup of the process `pid`. Raises HostError at the end if some
    stay.
    """
    for tree in trees:
        _free(tree, pid)
    with contextlib.ExitStack() as stack:
        for tree in reversed(trees):
            stack.callback(clear, tree, pid)


def _free(hierarchy: Hierarchy, pid: int) -> None:
    """Lift the limits on the cgroups of the process `pid`: a process that gets no CPU time cannot die of a signal."""
    for group in hierarchy.folder.glob(f"colocate-{pid}-*"):
        for name, value in _UNBOUND.items():
            # It may go meanwhile.
            with contextlib.suppress(OSError):
                if (group / name).exists():
                    (group / name).write_text(value)


def clear(hierarchy: Hierarchy, pid: int) -> None:
    """Remove every cgroup of the process `pid` from the tree. Switch off the controllers that it switched on, except
    those that another process shares.
    """
    first = f"colocate-{pid}-"
    markers = [*hierarchy.folder.glob(f"{first}{_DELEGATED}*")]
    for group in hierarchy.folder.glob(f"{first}*"):
        if group not in markers:
            _remove(group)
    if not markers:
        return
    with _alone(hierarchy):
        for marker in markers:
            if _markers(hierarchy, _delegated(marker)) == [marker]:
                # Another program may have begun to use the controller in the meantime: then it stays on.
                with contextlib.suppress(OSError):
                    (hierarchy.folder / _CONTROL).write_text(f"-{_delegated(marker)}")
            _remove(marker)


def _is_claimed(group: Path) -> bool:
    descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return not locked(descriptor)
    finally:
        os.close(descriptor)


def _remove(group: Path) -> None:
    """Kill the processes in a cgroup of colocate and remove it. Raises HostError if it is still there after 10 s."""
    deadline_s = time.monotonic() + _EMPTYING_S
    while group.exists():
        try:
            for pid in (group / "cgroup.procs").read_text().split():
                # 0 stands for a process of another PID namespace; to kill it would be to kill our own group.
                if pid != "0":
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                    # One of the idle class might not get the CPU that it needs to die.
                    with contextlib.suppress(OSError):
                        os.sched_setscheduler(int(pid), os.SCHED_OTHER, os.sched_param(0))
            # A process that the v1 freezer holds dies when it is let go, and has done nothing more by then.
            state = group / FREEZER_STATE
            if state.exists():
                state.write_text("THAWED")
            group.rmdir()
        except OSError as error:
            if time.monotonic() > deadline_s and group.exists():
                raise HostError(f"cannot remove the temporary cgroup {group}: {error}") from error
            time.sleep(0.01)
