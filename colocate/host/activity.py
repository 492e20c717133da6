"""What chosen CPUs did between two moments, as the kernel counts it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from colocate.host.child import Child


@dataclass(frozen=True, slots=True)
class Activity:
    """Seconds, summed over some CPUs: in any work, taken by the hypervisor, and used by our own children."""

    busy_s: float
    stolen_s: float
    children_s: float

    def __sub__(self, earlier: Activity) -> Activity:
        return Activity(
            self.busy_s - earlier.busy_s,
            self.stolen_s - earlier.stolen_s,
            self.children_s - earlier.children_s,
        )


def read_activity(cpus: Sequence[int], children: Iterable[Child]) -> Activity:
    """The counters of proc(5) since boot (/proc/stat, in 10 ms steps) over `cpus`, and of `children` since birth."""
    times = psutil.cpu_times(percpu=True)
    chosen = [times[cpu] for cpu in cpus]
    return Activity(
        sum(t.user + t.nice + t.system + t.irq + t.softirq for t in chosen),
        sum(t.steal for t in chosen),
        sum(child.cpu_s() for child in children),
    )
