"""What a task has done so far, read at any moment while it runs or is paused.

A stressor keeps its count of whole steps in shared memory. A step lasts 1 to some 10 ms and a segment 25 ms, so the
part of the step under way is added, by the CPU time since the last count. Of a user's program the CPU time is its
work: that of its cgroup, or of its processes, which the kernel counts in steps of 10 ms.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from colocate.host.cpus.activity import group_cpu_s, trees_cpu_s
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from cpu_workloads.counter import CounterView


class Count(NamedTuple):
    """Of one process: its whole steps' work, the CPU time at which it was reached, and the CPU time now."""

    work: float
    counted_cpu_s: float
    cpu_s: float


Counts = tuple[Count, ...]


class Gauge(Protocol):
    """Reads a task's work."""

    @property
    def unit(self) -> str | None:
        """What it counts; None for seconds of CPU time."""

    def read(self) -> Counts:
        """The counts of all its processes."""


@dataclass(frozen=True, slots=True)
class StepGauge:
    """The processes of a stressor, each with its counter."""

    unit: str | None
    views: Sequence[tuple[int, CounterView]]

    def read(self) -> Counts:
        """See `Gauge.read`."""
        return tuple(Count(*view.read(), process_cpu_s(pid)) for pid, view in self.views)


@dataclass(frozen=True, slots=True)
class TimeGauge:
    """The processes that run copies of a user's program, in their seat."""

    seat: Seat
    pids: Sequence[int]
    unit: None = None

    def read(self) -> Counts:
        """See `Gauge.read`."""
        in_groups = (group_cpu_s(group) for group in self.seat.groups)
        cpu_s = next((each for each in in_groups if each is not None), None)
        if cpu_s is None:
            cpu_s = trees_cpu_s(self.pids)
        return (Count(cpu_s, cpu_s, cpu_s),)


def process_cpu_s(pid: int) -> float:
    """CPU seconds of all threads of a process, to the nanosecond also while it runs (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


@contextlib.contextmanager
def gauged(children: Sequence[Child], seat: Seat) -> Iterator[Gauge]:
    """A gauge of these children of one task."""
    if any("counter" not in child.facts for child in children):
        yield TimeGauge(seat, [child.pid for child in children])
        return
    with contextlib.ExitStack() as stack:
        views = []
        for child in children:
            view = CounterView(child.pid, child.facts["counter"])
            stack.callback(view.close)
            views.append((child.pid, view))
        yield StepGauge(str(children[0].facts["unit"]), views)


def work_per_cpu_s(first: Counts, last: Counts) -> tuple[float, ...]:
    """Of each process: what it does in a second of CPU time, over a time that holds many steps."""
    pairs = zip(first, last, strict=True)
    return tuple(_ratio(end.work - begin.work, end.counted_cpu_s - begin.counted_cpu_s) for begin, end in pairs)


def work_between(begin: Counts, end: Counts, per_cpu_s: Sequence[float]) -> float:
    """What all processes did between two readings, with the steps that were under way."""
    return sum(
        after.work - before.work + rate * (_under_way_s(after) - _under_way_s(before))
        for before, after, rate in zip(begin, end, per_cpu_s, strict=True)
    )


def cpu_between_s(begin: Counts, end: Counts) -> float:
    """The CPU time of all processes between two readings."""
    return sum(after.cpu_s - before.cpu_s for before, after in zip(begin, end, strict=True))


def _under_way_s(count: Count) -> float:
    return count.cpu_s - count.counted_cpu_s


def _ratio(work: float, cpu_s: float) -> float:
    return work / cpu_s if cpu_s > 0 else 0.0
