"""What chosen CPUs did between two moments, as the kernel counts it."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.host.processes.child import Child

# proc(5), /proc/stat: user nice system idle iowait irq softirq steal, in ticks since boot.
_BUSY_COLUMNS = (0, 1, 2, 5, 6)
_STEAL_COLUMN = 7
_STAT = Path("/proc/stat")


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Shares of some CPUs' time that others used, and that the hypervisor took."""

    others_ratio: float
    stolen_ratio: float


class Activity:
    """Watches `cpus` from its making on; `children` are those of ours that run there."""

    def __init__(self, cpus: Collection[int], children: Sequence[Child]) -> None:
        self._cpus, self._children = cpus, children
        self._begin_s = time.monotonic()
        self._before = self._read()

    def disturbance(self) -> Disturbance:
        """What was disturbed since."""
        cpus_s = (time.monotonic() - self._begin_s) * len(self._cpus)
        busy_s, stolen_s, ours_s = (now - then for now, then in zip(self._read(), self._before, strict=True))
        return Disturbance((busy_s - ours_s) / cpus_s, stolen_s / cpus_s)

    def _read(self) -> tuple[float, float, float]:
        busy_s, stolen_s = cpu_seconds(self._cpus)
        return busy_s, stolen_s, sum(child.cpu_s() for child in self._children)


def cpu_seconds(cpus: Collection[int], stat: Path = _STAT) -> tuple[float, float]:
    """Seconds since boot that `cpus` were busy, and that the hypervisor took from them, summed.

    They advance in ticks, of 10 ms mostly. CPUs that are offline have no line, so lines are found by their names.
    """
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    busy = stolen = 0
    for line in stat.read_text().splitlines():
        name, *columns = line.split()
        if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in cpus:
            busy += sum(int(columns[column]) for column in _BUSY_COLUMNS)
            stolen += int(columns[_STEAL_COLUMN])
    return busy * tick_s, stolen * tick_s
