"""What a task has done so far, read at any moment while it runs or is paused.

A stressor keeps its count of whole steps in shared memory. A step lasts 1 to some 10 ms and a segment 25 ms, so the
unfinished step is added, estimated from the CPU time since the last count. For a user's program the work is what its
progress lines count. Without progress lines it is the CPU time of its cgroup, or of its processes, which the kernel
counts in steps of 10 ms.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from colocate.host.cpus.activity import group_cpu_s, trees_cpu_s
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.model.trial import Work
from cpu_workloads.counter import CounterView


class Count(NamedTuple):
    """What a process did: the work of its whole steps, the CPU time in seconds at the last of them, and the CPU time
    now.
    """

    work: float
    counted_cpu_s: float
    cpu_s: float


Counts = tuple[Count, ...]


class Part(NamedTuple):
    """One task of a mix: its `Gauge.unit`, how many counts of a reading belong to it, and whether its gauge is
    `coarse`.
    """

    unit: str | None
    counts: int
    coarse: bool = False


class Gauge(Protocol):
    """Reads a task's work."""

    @property
    def unit(self) -> str | None:
        """The unit of the work; None for seconds of CPU time."""

    @property
    def coarse(self) -> bool:
        """Whether a segment may have no count although work was done in it."""

    @property
    def parts(self) -> Sequence[Part]:
        """The tasks of a mix, in the order of their counts in a reading; empty if it is no mix."""

    def read(self) -> Counts:
        """Return the current counts of the task's processes."""


@dataclass(frozen=True, slots=True)
class StepGauge:
    """Reads the processes of a stressor. `views` has the process id and the shared counter of each."""

    unit: str | None
    views: Sequence[tuple[int, CounterView]]
    coarse: bool = False
    parts: Sequence[Part] = ()

    def read(self) -> Counts:
        """See `Gauge.read`."""
        return tuple(Count(*view.read(), process_cpu_s(pid)) for pid, view in self.views)


@dataclass(frozen=True, slots=True)
class TimeGauge:
    """Reads the CPU time of a user's program. `pids` are the processes that run its copies, in `seat`."""

    seat: Seat
    pids: Sequence[int]
    unit: None = None
    coarse: bool = False
    parts: Sequence[Part] = ()

    def read(self) -> Counts:
        """See `Gauge.read`."""
        in_groups = (group_cpu_s(group) for group in self.seat.groups)
        cpu_s = next((each for each in in_groups if each is not None), None)
        if cpu_s is None:
            cpu_s = trees_cpu_s(self.pids)
        return (Count(cpu_s, cpu_s, cpu_s),)


@dataclass(frozen=True, slots=True)
class LineGauge:
    """Reads a user's program with progress lines: the counters of its runners, and its CPU time."""

    unit: str
    views: Sequence[CounterView]
    time: TimeGauge
    coarse: bool = True
    parts: Sequence[Part] = ()

    def read(self) -> Counts:
        """See `Gauge.read`."""
        work = sum(view.read()[0] for view in self.views)
        return tuple(Count(work, each.cpu_s, each.cpu_s) for each in self.time.read())


@dataclass(frozen=True, slots=True)
class MixGauge:
    """Reads the tasks of a mix, each with its own gauge."""

    gauges: Sequence[Gauge]
    parts: Sequence[Part]
    unit: None = None
    coarse: bool = False

    def read(self) -> Counts:
        """See `Gauge.read`."""
        return tuple(count for gauge in self.gauges for count in gauge.read())


def slices(parts: Sequence[Part]) -> list[slice]:
    """Return where in a reading each part of a mix has its counts."""
    ends = itertools.accumulate(part.counts for part in parts)
    return [slice(end - part.counts, end) for part, end in zip(parts, ends, strict=True)]


def by_cpu_time(counts: Counts, own: slice = slice(None)) -> Counts:
    """Return the counts with CPU time in place of work for those in `own`."""
    found = list(counts)
    found[own] = [Count(each.cpu_s, each.cpu_s, each.cpu_s) for each in counts[own]]
    return tuple(found)


def process_cpu_s(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, to the nanosecond even while it runs
    (clock_getcpuclockid(3)).
    """
    return time.clock_gettime((~pid << 3) | 2)


@contextlib.contextmanager
def gauged(tasks: Sequence[tuple[Seat, Sequence[Child]]]) -> Iterator[Gauge]:
    """Yield a gauge of one task, or of several that run at once. A task is given as its seat and its children."""
    with contextlib.ExitStack() as stack:
        gauges = [stack.enter_context(_gauged(children, seat)) for seat, children in tasks]
        parts = [Part(gauge.unit, len(gauge.read()), gauge.coarse) for gauge in gauges]
        yield gauges[0] if len(gauges) == 1 else MixGauge(gauges, parts)


@contextlib.contextmanager
def _gauged(children: Sequence[Child], seat: Seat) -> Iterator[Gauge]:
    by_steps = all("counter" in child.facts for child in children)
    key = "counter" if by_steps else "lines"
    with contextlib.ExitStack() as stack:
        views = []
        for child in children:
            if key in child.facts:
                view = CounterView(child.pid, child.facts[key])
                stack.callback(view.close)
                views.append(view)
        unit, pids = str(children[0].facts["unit"]), [child.pid for child in children]
        if by_steps:
            yield StepGauge(unit, list(zip(pids, views, strict=True)))
        elif views:
            yield LineGauge(unit, views, TimeGauge(seat, pids))
        else:
            yield TimeGauge(seat, pids)


def work_per_cpu_s(first: Counts, last: Counts) -> tuple[float, ...]:
    """Return, for each process, its work per second of CPU time between two readings that are many steps apart."""
    pairs = zip(first, last, strict=True)
    return tuple(_ratio(end.work - begin.work, end.counted_cpu_s - begin.counted_cpu_s) for begin, end in pairs)


def work_between(begin: Counts, end: Counts, per_cpu_s: Sequence[float]) -> float:
    """Return what all processes did between two readings, with their unfinished steps. `per_cpu_s` is from
    `work_per_cpu_s`.
    """
    return sum(
        after.work - before.work + rate * (_under_way_s(after) - _under_way_s(before))
        for before, after, rate in zip(begin, end, per_cpu_s, strict=True)
    )


def work_since(gauge: Gauge, before: Counts, begin_s: float) -> Work | None:
    """Return what was done since the reading `before` at `begin_s`. None if a task counts only CPU time.

    A task that gets no CPU time reads `go` late, and ends its first step when the window is over. Its own report
    would then give its rate without the network.
    """
    parts = gauge.parts or [Part(gauge.unit, len(before))]
    if any(part.unit is None for part in parts):
        return None
    after, elapsed_s = gauge.read(), time.monotonic() - begin_s
    works = tuple(
        _work(str(part.unit), before[own], after[own], elapsed_s)
        for part, own in zip(parts, slices(parts), strict=True)
    )
    return Work.of_mix(works) if gauge.parts else works[0]


def _work(unit: str, before: Counts, after: Counts, elapsed_s: float) -> Work:
    count = work_between(before, after, work_per_cpu_s(before, after))
    return Work(unit, count, elapsed_s, cpu_between_s(before, after))


def cpu_between_s(begin: Counts, end: Counts) -> float:
    """Return the CPU time of all processes between two readings, in seconds."""
    return sum(after.cpu_s - before.cpu_s for before, after in zip(begin, end, strict=True))


def _under_way_s(count: Count) -> float:
    return count.cpu_s - count.counted_cpu_s


def _ratio(work: float, cpu_s: float) -> float:
    return work / cpu_s if cpu_s > 0 else 0.0
