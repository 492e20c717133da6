"""CPU quotas of the cgroups around a process: of its container, its service or its login session.

A quota that is used up stops all processes of its cgroup until the next period, and none of them is told. So every
visible cgroup is looked at, from the process's own upwards. /proc/PID/cgroup names the process's own; in a container
that does not see it, the top of the mount stands for it. Cgroups that colocate made are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.host.cpus.groups import MOUNTS

_PROC = Path("/proc")
_OURS = "colocate-"
# Documentation/scheduler/sched-bwc.rst and admin-guide/cgroup-v2.rst of the kernel: the name of a count and its unit.
_THROTTLED_S = {"throttled_usec": 1e-6, "throttled_time": 1e-9}


@dataclass(frozen=True, slots=True)
class Throttling:
    """How often the quotas of some cgroups have stopped them so far, and for how many seconds, summed over CPUs."""

    times: int
    stopped_s: float

    def since(self, before: Throttling) -> Throttling:
        """Return by how much these counts have grown since `before`."""
        return Throttling(self.times - before.times, self.stopped_s - before.stopped_s)


def quota_groups(pid: int | str = "self", mounts: Path = MOUNTS, proc: Path = _PROC) -> tuple[Path, ...]:
    """Return the cgroups with a quota that a process is in, innermost first; empty if the process has ended."""
    try:
        own = (proc / str(pid) / "cgroup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(
        group
        for group in _groups(mounts.read_text(), own)
        if not group.name.startswith(_OURS) and quota_of(group) is not None
    )


def quota_of(group: Path) -> float | None:
    """Return how many CPUs' time the quota of a cgroup allows, such as 1.5; None if it has no quota."""
    found = _quota_us(group)
    return None if found is None else found[0] / found[1]


def longest_period_s(groups: Sequence[Path]) -> float | None:
    """Return the longest period of the quotas of these cgroups, in seconds; None if none has a quota."""
    found = [quota_us for group in groups if (quota_us := _quota_us(group))]
    return max((period_us * 1e-6 for _, period_us in found), default=None)


def throttling(groups: Sequence[Path]) -> Throttling:
    """Return how often and how long the quotas of these cgroups have stopped them so far."""
    times, stopped_s = 0, 0.0
    for group in groups:
        for line in (group / "cpu.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            times += int(value) if name == "nr_throttled" else 0
            stopped_s += int(value) * _THROTTLED_S.get(name, 0.0)
    return Throttling(times, stopped_s)


def _quota_us(group: Path) -> tuple[int, int] | None:
    """Return the quota of a cgroup and its period, in us; None if it has no quota."""
    if (group / "cpu.max").exists():
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else (int(quota), int(period))
    if (group / "cpu.cfs_quota_us").exists():
        quota_us = int((group / "cpu.cfs_quota_us").read_text())
        return None if quota_us < 0 else (quota_us, int((group / "cpu.cfs_period_us").read_text()))
    return None


def _groups(mounts: str, own: str) -> Iterator[Path]:
    """Yield every cgroup of the process in the trees that can have quotas, from its own up to the top of each tree.
    The arguments are the text of /proc/mounts and of /proc/PID/cgroup.
    """
    paths = {names: path for _, names, path in (line.split(":", 2) for line in own.splitlines())}
    for _, top, kind, options, *_ in (line.split() for line in mounts.splitlines()):
        found = [
            path
            for names, path in paths.items()
            if (kind == "cgroup2" and not names)
            or (kind == "cgroup" and "cpu" in names.split(",") and "cpu" in options.split(","))
        ]
        for path in found:
            inner = Path(top + path)
            group = inner if inner.is_dir() else Path(top)
            while group != Path(top):
                yield group
                group = group.parent
            yield group
