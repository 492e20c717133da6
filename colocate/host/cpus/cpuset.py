"""Temporary cpusets: cgroup v2, else cgroup v1, else plain affinity; each read back.

A cpuset binds whatever a task starts, also threads that set their own affinity; affinity alone is inherited
but can be left. All three give a `Seat`, which a child enters before it becomes its command.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import HostError
from colocate.model.machine import Missing

_NAME = re.compile(r"colocate-(\d+)-\w+")
# An empty group of this name says that its owner switched the controller on: the tree is its own journal.
_DELEGATED = "delegated"
_MOUNTS = Path("/proc/mounts")
_OWN = Path("/proc/self/cgroup")
_EMPTYING_S = 2.0
# Of cpu.weight in cgroup v2 (Documentation/admin-guide/cgroup-v2.rst of the kernel).
_WEIGHT_DEFAULT, _WEIGHT_MAX = 100, 10_000
_CPUS_MAX = 8192  # CONFIG_NR_CPUS of the largest kernels


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a process may run: its CPUs, and the `cgroup.procs` file that grants them (None: affinity alone)."""

    cpus: tuple[int, ...]
    cgroup_procs: Path | None = None


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A cgroup tree with the cpuset controller: the folder to make groups in, and which version's files it has."""

    folder: Path
    version: int

    @property
    def effective_file(self) -> str:
        """The file that shows which CPUs a group was really granted."""
        return "cpuset.cpus.effective" if self.version == 2 else "cpuset.effective_cpus"


@dataclass(frozen=True, slots=True)
class Confinement:
    """How CPUs are set apart here: `hierarchy` is None for plain affinity, and `missing` says why."""

    hierarchy: Hierarchy | None
    missing: Missing | None = None

    @property
    def name(self) -> str:
        """`cgroup-v2`, `cgroup-v1` or `affinity`."""
        return "affinity" if self.hierarchy is None else f"cgroup-v{self.hierarchy.version}"


def detect(mounts: Path = _MOUNTS, own: Path = _OWN) -> Confinement:
    """The best confinement that this process may use, found without changing anything."""
    reasons: list[str] = []
    for hierarchy in _hierarchies(mounts.read_text(), own.read_text()):
        reason = _obstacle(hierarchy)
        if not reason:
            return Confinement(hierarchy)
        reasons.append(f"cgroup v{hierarchy.version}: {reason}")
    reason = "; ".join(reasons) or "no cgroup tree here has the cpuset controller"
    return Confinement(None, Missing(reason, "run as root with a writable cpuset controller"))


def _obstacle(hierarchy: Hierarchy) -> str:
    """Why no group can be made here, or nothing."""
    folder = hierarchy.folder
    if not os.access(folder, os.W_OK):
        return f"{folder} cannot be written by this user"
    if hierarchy.version == 2 and "cpuset" not in (folder / "cgroup.subtree_control").read_text().split():
        # Only the tree's true root, which has no type, may hold processes and pass a controller on (cgroup v2,
        # "no internal processes"); the root that a container sees is not it.
        if (folder / "cgroup.type").exists():
            return f"{folder} is a container's and does not pass cpusets on"
        if not os.access(folder / "cgroup.subtree_control", os.W_OK):
            return f"{folder / 'cgroup.subtree_control'} cannot be written by this user"
    return ""


@contextlib.contextmanager
def confined(confinement: Confinement, groups: Mapping[str, tuple[int, ...]]) -> Iterator[Mapping[str, Seat]]:
    """A seat per named group of CPUs; the groups are gone afterwards, with any process still in them.

    Raises HostError when the kernel grants other CPUs than asked.
    """
    if confinement.hierarchy is None:
        yield {name: Seat(cpus) for name, cpus in groups.items()}
        return
    with contextlib.ExitStack() as stack:
        try:
            seats = stack.enter_context(_grouped(confinement.hierarchy, groups))
        except OSError as error:
            raise HostError(f"cannot make a cpuset in {confinement.hierarchy.folder}: {error}") from error
        yield seats


def remove_groups_of(pid: int) -> None:
    """Remove what the colocate process `pid` left in any tree, with all processes in it."""
    for hierarchy in _hierarchies(_MOUNTS.read_text(), _OWN.read_text()):
        _clear(hierarchy, pid)


def remove_stale_groups() -> None:
    """Remove what colocate processes left that are no more."""
    for hierarchy in _hierarchies(_MOUNTS.read_text(), _OWN.read_text()):
        _remove_stale(hierarchy)


def _hierarchies(mounts: str, own: str) -> Iterator[Hierarchy]:
    """Cgroup trees with cpusets, the newer kind first."""
    fields = [line.split() for line in mounts.splitlines()]
    for _, folder, kind, *_ in fields:
        controllers = Path(folder) / "cgroup.controllers"
        if kind == "cgroup2" and controllers.exists() and "cpuset" in controllers.read_text().split():
            yield Hierarchy(Path(folder), 2)
    for _, folder, kind, options, *_ in fields:
        if kind == "cgroup" and "cpuset" in options.split(","):
            # A v1 group can only narrow its parent, so ours is made below the one this process sits in.
            path = next((line.split(":", 2)[2] for line in own.splitlines() if ":cpuset:" in line), "/")
            below = Path(folder + path)
            yield Hierarchy(below if below.is_dir() else Path(folder), 1)


@contextlib.contextmanager
def _grouped(hierarchy: Hierarchy, groups: Mapping[str, tuple[int, ...]]) -> Iterator[Mapping[str, Seat]]:
    _remove_stale(hierarchy)
    with contextlib.ExitStack() as stack:
        stack.callback(_clear, hierarchy, os.getpid())
        _delegate(hierarchy, stack)
        seats = {}
        for name, cpus in groups.items():
            group = hierarchy.folder / f"colocate-{os.getpid()}-{name}"
            group.mkdir()
            stack.callback(os.close, _claimed(group))
            if hierarchy.version == 1:
                (group / "cpuset.mems").write_text((hierarchy.folder / "cpuset.mems").read_text())
            (group / "cpuset.cpus").write_text(",".join(map(str, cpus)))
            granted = parse_cpu_list((group / hierarchy.effective_file).read_text())
            if granted != tuple(sorted(cpus)):
                raise HostError(f"{group}: asked for CPUs {cpus}, the kernel granted {granted}")
            weigh(group, cpus)
            seats[name] = Seat(cpus, group / "cgroup.procs")
        yield seats


def weigh(group: Path, cpus: Sequence[int]) -> None:
    """Make each process of the group count like any other on its CPU, as if there were no groups.

    Where the cpu controller is on, a group's weight is spread over the CPUs that it keeps busy. A task on fifteen
    CPUs would have a fifteenth of it on each, and the network that shares one of them would get 94 % of that one.
    """
    weight = group / "cpu.weight"
    if weight.exists():
        weight.write_text(str(min(_WEIGHT_DEFAULT * len(cpus), _WEIGHT_MAX)))


def _delegate(hierarchy: Hierarchy, stack: contextlib.ExitStack) -> None:
    """Switch the cpuset controller on for the groups below, where it is off."""
    control = hierarchy.folder / "cgroup.subtree_control"
    if hierarchy.version == 2 and "cpuset" not in control.read_text().split():
        marker = hierarchy.folder / f"colocate-{os.getpid()}-{_DELEGATED}"
        marker.mkdir()
        stack.callback(os.close, _claimed(marker))
        control.write_text("+cpuset")


def _remove_stale(hierarchy: Hierarchy) -> None:
    for group in hierarchy.folder.glob("colocate-*-*"):
        match = _NAME.fullmatch(group.name)
        if match and not _is_claimed(group):
            _clear(hierarchy, int(match[1]))


def _claimed(group: Path) -> int:
    """A lock on the group that ends with this process, whatever the number by which others know it."""
    descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def _is_claimed(group: Path) -> bool:
    try:
        descriptor = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _clear(hierarchy: Hierarchy, pid: int) -> None:
    """Remove every group of the process `pid`, and switch the controller off if it switched it on."""
    marker = hierarchy.folder / f"colocate-{pid}-{_DELEGATED}"
    for group in hierarchy.folder.glob(f"colocate-{pid}-*"):
        if group != marker:
            _remove(group)
    if marker.exists():
        # Another program may have begun to use the controller in the meantime: then it stays on.
        with contextlib.suppress(OSError):
            (hierarchy.folder / "cgroup.subtree_control").write_text("-cpuset")
        _remove(marker)


def _remove(group: Path) -> None:
    """Kill what is left in a group of our own and remove it; the kernel needs a moment to empty it."""
    deadline_s = time.monotonic() + _EMPTYING_S
    while group.exists():
        try:
            for pid in (group / "cgroup.procs").read_text().split():
                # 0 stands for a process of another PID namespace; to kill it would be to kill our own group.
                if pid != "0":
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
            group.rmdir()
        except OSError as error:
            if time.monotonic() > deadline_s:
                raise HostError(f"cannot remove the temporary cpuset {group}: {error}") from error
            time.sleep(0.01)


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """The kernel's CPU list format, `0-3,7` -> (0, 1, 2, 3, 7). Raises ValueError for anything else."""
    cpus: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        if int(last or first) >= _CPUS_MAX:
            raise ValueError(f"no machine has a CPU {last or first}")
        cpus.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(cpus))
