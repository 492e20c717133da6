"""Where children run and what holds them there: cgroup v2, else cgroup v1, else affinity alone.

A cpuset (the cgroup controller for CPUs) binds all that a task starts, even threads that set their own affinity.
Affinity alone is inherited, but a process can change it. A child enters its `Seat` before it becomes its command, and
the CPUs that the kernel grants are read back. If the kernel can, the cgroups of a seat also pause its processes and
count their CPU time (`colocate/host/processes/pausing.py`), and limit them (`containing.py`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import HostError
from colocate.host.cpus.containing import set_apart, weigh
from colocate.host.cpus.groups import (
    MOUNTS,
    OWN,
    Hierarchy,
    claim,
    clear_all,
    delegate,
    hierarchies,
    own_groups,
    remove_stale,
)
from colocate.model.containment import Containment
from colocate.model.machine import Missing


@dataclass(frozen=True, slots=True)
class Seat:
    """Where a process may run: its CPUs, and the cgroups that it enters (empty: affinity alone). `containment` is
    what its scheduling class or nice value must limit from its launch on, because no cgroup does.
    """

    cpus: tuple[int, ...]
    groups: tuple[Path, ...] = ()
    containment: Containment | None = None


@dataclass(frozen=True, slots=True)
class Confinement:
    """How children are held on this machine. The cgroup tree `cpusets` sets CPUs apart; None means affinity alone,
    and `missing` says why.

    The tree `freezer` pauses, `accounting` counts CPU time, and `shares` sets weights and quotas; None means that
    this machine has no such tree. Several may be the same tree.
    """

    cpusets: Hierarchy | None
    missing: Missing | None = None
    freezer: Hierarchy | None = None
    accounting: Hierarchy | None = None
    shares: Hierarchy | None = None

    @property
    def name(self) -> str:
        """What holds children on their CPUs: `cgroup-v2`, `cgroup-v1` or `affinity`."""
        return "affinity" if self.cpusets is None else f"cgroup-v{self.cpusets.version}"

    @property
    def pausing(self) -> str:
        """What pauses children: `cgroup-v2`, `cgroup-v1` or `signals`."""
        return "signals" if self.freezer is None else f"cgroup-v{self.freezer.version}"


AFFINITY_ALONE = Confinement(None)


def detect(mounts: Path = MOUNTS, own: Path = OWN) -> Confinement:
    """Return the best confinement that this process may use. Nothing is changed."""
    reasons: list[str] = []
    usable: list[Hierarchy] = []
    cpusets: Hierarchy | None = None
    for hierarchy in hierarchies(mounts.read_text(), own.read_text()):
        reason = _not_writable(hierarchy)
        if not reason:
            usable.append(hierarchy)
        if "cpuset" in hierarchy.controllers and cpusets is None:
            reason = reason or _not_passed_on(hierarchy, "cpuset")
            if reason:
                reasons.append(f"cgroup v{hierarchy.version}: {reason}")
            else:
                cpusets = hierarchy
    freezer = _first(usable, "freezer", cpusets)
    # With "cpu" mounted beside it, a group would also share the CPU as one.
    counting = [tree for tree in usable if "cpu" not in tree.controllers or tree.version == 2]
    accounting = _first(counting, "cpuacct", freezer, cpusets)
    passing = [tree for tree in usable if not _not_passed_on(tree, "cpu")]
    shares = _first(passing, "cpu", *(tree for tree in (cpusets, freezer, accounting) if tree in passing))
    if cpusets is not None:
        return Confinement(cpusets, None, freezer, accounting, shares)
    reason = "; ".join(reasons) or "no cgroup tree here has the cpuset controller"
    missing = Missing(reason, "run as root with a writable cpuset controller")
    return Confinement(None, missing, freezer, accounting, shares)


def _first(usable: Sequence[Hierarchy], controller: str, *chosen: Hierarchy | None) -> Hierarchy | None:
    """Return the tree to use for a controller, preferably one of `chosen`, which are in use already; None if none has
    it.
    """
    taken = [tree for tree in chosen if tree is not None]
    # A process sits in one group of cgroup v2, so there is no second one to make.
    free = [tree for tree in usable if tree.version == 1 or not any(other.version == 2 for other in taken)]
    return next((tree for tree in (*taken, *free) if controller in tree.controllers), None)


def _not_writable(hierarchy: Hierarchy) -> str:
    """Return why no cgroup can be made in the tree; "" if one can."""
    folder = hierarchy.folder
    return "" if os.access(folder, os.W_OK) else f"{folder} cannot be written by this user"


def _not_passed_on(hierarchy: Hierarchy, controller: str) -> str:
    """Return why cgroups made in the tree would not have the controller; "" if they would."""
    folder = hierarchy.folder
    if not hierarchy.passes_on(controller):
        # Only the tree's true root, which has no type, may hold processes and pass a controller on (cgroup v2,
        # "no internal processes"); the root that a container sees is not it.
        if (folder / "cgroup.type").exists():
            return f"{folder} is a container's and does not pass {controller}s on"
        if not os.access(folder / "cgroup.subtree_control", os.W_OK):
            return f"{folder / 'cgroup.subtree_control'} cannot be written by this user"
    return ""


@contextlib.contextmanager
def confined(
    confinement: Confinement, places: Mapping[str, tuple[int, ...]], *, weighed: bool = False
) -> Iterator[Mapping[str, Seat]]:
    """Yield a seat for each named set of CPUs. Afterwards the cgroups of the seats are removed and processes left in
    them are killed.

    With `weighed`, the cgroups can have weights and quotas; see `contain`. Raises HostError if a cgroup cannot be
    made or the kernel grants other CPUs than asked.
    """
    shares = confinement.shares if weighed else None
    trees = (confinement.cpusets, shares, confinement.accounting, confinement.freezer)
    # The freezer's tree comes last and so is removed first: a paused process leaves its cgroups only once resumed.
    chosen = list(dict.fromkeys(tree for tree in trees if tree is not None))
    groups: dict[str, list[Path]] = {name: [] for name in places}
    remove_stale(*reversed(chosen))
    with contextlib.ExitStack() as stack:
        for tree in chosen:
            try:
                wanted = {"cpuset": confinement.cpusets == tree, "cpu": shares == tree}
                made = stack.enter_context(_grouped(tree, places, [name for name, own in wanted.items() if own]))
            except OSError as error:
                raise HostError(f"cannot make a cgroup in {tree.folder}: {error}") from error
            for name, group in made.items():
                groups[name].append(group)
        yield {name: Seat(cpus, tuple(groups[name])) for name, cpus in places.items()}


def remove_groups_of(pid: int) -> None:
    """Remove all cgroups of the colocate process `pid`, and kill the processes in them."""
    clear_all(_freezers_first(), pid)


def remove_stale_groups() -> None:
    """Remove all cgroups of colocate processes that have ended, and kill the processes in them."""
    remove_stale(*_freezers_first())


def _freezers_first() -> list[Hierarchy]:
    """Return all trees, those with a freezer first: a frozen process leaves its other cgroups only once it is
    resumed.
    """
    return sorted(
        hierarchies(MOUNTS.read_text(), OWN.read_text()), key=lambda tree: "freezer" not in tree.controllers
    )


@contextlib.contextmanager
def _grouped(
    hierarchy: Hierarchy, places: Mapping[str, tuple[int, ...]], controllers: Sequence[str]
) -> Iterator[Mapping[str, Path]]:
    with own_groups(hierarchy) as stack:
        for controller in controllers:
            delegate(hierarchy, controller, stack)
        groups = {}
        for name, cpus in places.items():
            groups[name] = group = hierarchy.group(name)
            claim(hierarchy, group, stack)
            if "cpuset" in controllers:
                if hierarchy.version == 1:
                    (group / "cpuset.mems").write_text((hierarchy.folder / "cpuset.mems").read_text())
                set_apart(group, cpus)
            # The controller may have been on before, and then it acts here as well.
            weigh(group, cpus)
        yield groups
