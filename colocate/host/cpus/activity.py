"""What chosen CPUs did between two moments, as the kernel counts it."""

from __future__ import annotations

import collections
import contextlib
import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.host.processes.child import Child

# proc(5), /proc/stat: user nice system idle iowait irq softirq steal, in ticks since boot.
_BUSY_COLUMNS = (0, 1, 2, 5, 6)
_STEAL_COLUMN = 7
# /proc/PID/stat, behind the name: parent; user and system ticks of its own and of the children that it waited for.
_PARENT_COLUMN, _TIME_COLUMNS = 1, slice(11, 15)
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Shares of the time of some CPUs, from 0 to 1: what other processes used, and what the hypervisor took."""

    others_ratio: float
    stolen_ratio: float


class Activity:
    """Watches `cpus` from its construction on. `children` are colocate's processes there, with all that they
    start.
    """

    def __init__(self, cpus: Collection[int], children: Sequence[Child]) -> None:
        self._cpus, self._children = cpus, children
        self._begin_s = time.monotonic()
        self._before = self._read()

    def disturbance(self) -> Disturbance:
        """Return which shares of the CPUs' time were taken since the construction."""
        cpus_s = (time.monotonic() - self._begin_s) * len(self._cpus)
        busy_s, stolen_s, ours_s = (now - then for now, then in zip(self._read(), self._before, strict=True))
        return Disturbance((busy_s - ours_s) / cpus_s, stolen_s / cpus_s)

    def _read(self) -> tuple[float, float, float]:
        busy_s, stolen_s = cpu_seconds(self._cpus)
        return busy_s, stolen_s, trees_cpu_s([child.pid for child in self._children])


def trees_cpu_s(pids: Collection[int], proc: Path = _PROC) -> float:
    """Return the CPU seconds of these processes and all their descendants since they began, with those of ended
    children that they waited for.
    """
    ticks = sum(sum(map(int, columns[_TIME_COLUMNS])) for columns in trees(pids, proc).values())
    return ticks / os.sysconf("SC_CLK_TCK")


def trees(pids: Collection[int], proc: Path = _PROC) -> dict[int, list[str]]:
    """Return these processes and all their descendants. Each has the fields of /proc/PID/stat after the name."""
    stats: dict[int, list[str]] = {}
    children: collections.defaultdict[int, list[int]] = collections.defaultdict(list)
    for folder in proc.glob("[0-9]*") if pids else ():
        # A process may end while it is looked at.
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold spaces and parentheses itself.
            columns = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            children[int(columns[_PARENT_COLUMN])].append(int(folder.name))
            stats[int(folder.name)] = columns
    left, found = set(pids), set[int]()
    while left:
        found |= left
        left = {child for pid in left for child in children[pid]} - found
    return {pid: stats[pid] for pid in found if pid in stats}


def group_cpu_s(group: Path) -> float | None:
    """Return the CPU seconds that a cgroup has used, to the microsecond; None if it does not count them."""
    stat = group / "cpu.stat"
    for line in stat.read_text().splitlines() if stat.exists() else ():
        name, _, value = line.partition(" ")
        if name == "usage_usec":
            return int(value) * 1e-6
    usage = group / "cpuacct.usage"
    return int(usage.read_text()) * 1e-9 if usage.exists() else None


def cpu_seconds(cpus: Collection[int], stat: Path = _PROC / "stat") -> tuple[float, float]:
    """Return the seconds since boot that `cpus` were busy, and those that the hypervisor took from them, each summed.

    Both advance in ticks, usually of 10 ms.
    """
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    busy = stolen = 0
    # An offline CPU has no line, so lines are found by name.
    for line in stat.read_text().splitlines():
        name, *columns = line.split()
        if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in cpus:
            busy += sum(int(columns[column]) for column in _BUSY_COLUMNS)
            stolen += int(columns[_STEAL_COLUMN])
    return busy * tick_s, stolen * tick_s
