"""Where the extra time of a network beside a task goes, from what the kernel counted per inference.

x(alone) and x(beside) are means per inference of a quantity, without and with the task. d x = x(beside) - x(alone).

    whole        = d latency
    quota        = min(d throttled, d waited)
    waiting      = d waited - quota
    preempted    = waiting * involuntary(beside) / (involuntary + voluntary)(beside)
    launch wait  = waiting - preempted
    GPU time     = d device - d waited
    clock        = cpu(alone) * (f(alone) / f(beside) - 1), at most d cpu - GPU time
    memory       = (d cpu - GPU time - clock) * (1 - misses(alone) / misses(beside))
    slower CPU   = d cpu - GPU time - clock - memory
    unknown      = the rest

A negative part becomes 0. In this order, each part is cut to what the parts above it leave of the whole.
`ExtraTime.beyond_s` is how much was cut.

- `waited` is the wait on the run queue, the second field of /proc/PID/schedstat (kernel, Documentation/scheduler/
  sched-stats.rst). It includes waits under a quota. `throttled` is `throttled_usec` of cpu.stat
  (Documentation/admin-guide/cgroup-v2.rst), in cgroup v1 `throttled_time` (Documentation/scheduler/sched-bwc.rst).
- Each time that a thread leaves its CPU, it later waits for it once. It leaves it voluntarily to sleep, involuntarily
  when preempted (proc(5), /proc/PID/status). Waits of both kinds are taken to be equally long.
- The time between two events on a GPU includes the waits of the launching thread, so these are subtracted.
- A thread that spins while the GPU works uses CPU time. So as much of the extra CPU time as there is extra GPU time
  is attributed to the GPU.
- `misses` are those of the last level cache (perf_event_open(2)), where the machine counts them. Every miss is taken
  to cost the thread the same. So the memory's share of the extra CPU time is the share of the misses that the task
  adds.
- The clock part assumes that instructions take the same number of cycles at any clock f, and that none of the time is
  spent on memory. So it is an upper bound. f is read in steady windows, alone and beside in the same block.

A count per inference is the count per second between two readings, times the length of the window or segment, over
the number of inferences that began in it. Inferences that overlap an end cancel in the mean over many.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cause import Cause, ExtraTime
from colocate.model.cell import Interval
from colocate.model.trial import Condition, TrialRecord, Waits
from colocate.study.conditions import Pair, in_condition
from colocate.study.windows import Windows


@dataclass(frozen=True, slots=True)
class Side:
    """Means per inference of a network alone, or beside a task: times in s, counts of switches and cache misses.

    `device_s` and `misses` are None if they were not measured.
    """

    latency_s: float
    device_s: float | None
    waited_s: float
    cpu_s: float
    voluntary: float
    involuntary: float
    throttled_s: float
    misses: float | None = None


def extra_time(windows: Windows, pairs: Sequence[Pair], slowdowns: Iterable[Interval | None]) -> ExtraTime | None:
    """Return where the extra time of a cell goes; None unless an interval in `slowdowns` (mean, median) lies above 1.

    Also None if no window counted waits, or if those that did show no increase of the mean latency.
    """
    if not any(each is not None and each.lo is not None and each.lo > 1 for each in slowdowns):
        return None
    both = [
        (alone, beside)
        for pair in pairs
        if (alone := _side(pair.records[0], Condition.ALONE))
        and (beside := _side(pair.records[-1], Condition.BESIDE))
    ]
    if not both:
        return None
    alone, beside = _mean([side for side, _ in both]), _mean([side for _, side in both])
    if beside.latency_s <= alone.latency_s:
        return None
    return split(alone, beside, _clock_ratio(windows), _launches(windows))


def split(alone: Side, beside: Side, clock_ratio: float = 1.0, launches: int | None = None) -> ExtraTime:
    """Return the parts of the extra time, by the formulas of this module.

    `clock_ratio` is the CPU's clock beside the task over that alone. `launches` is stored with the result.
    """
    waited_s = max(0.0, beside.waited_s - alone.waited_s)
    quota_s = min(max(0.0, beside.throttled_s - alone.throttled_s), waited_s)
    switches = beside.involuntary + beside.voluntary
    preempted_s = (waited_s - quota_s) * (beside.involuntary / switches if switches else 0.0)
    gpu_s = 0.0
    if alone.device_s is not None and beside.device_s is not None:
        gpu_s = max(0.0, beside.device_s - alone.device_s - waited_s)
    slower_s = max(0.0, beside.cpu_s - alone.cpu_s - gpu_s)
    clock_s = min(max(0.0, alone.cpu_s * (1 / clock_ratio - 1)), slower_s)
    memory_s = (slower_s - clock_s) * _missed_only_beside(alone, beside)
    found = {
        Cause.QUOTA: quota_s,
        Cause.PREEMPTED: preempted_s,
        Cause.LAUNCH_WAIT: waited_s - quota_s - preempted_s,
        Cause.GPU_TIME: gpu_s,
        Cause.CLOCK: clock_s,
        Cause.MEMORY: memory_s,
        Cause.SLOWER_CPU: slower_s - clock_s - memory_s,
    }
    left_s = extra_s = beside.latency_s - alone.latency_s
    parts = dict.fromkeys(Cause, 0.0)
    for cause, part_s in found.items():
        parts[cause] = min(part_s, left_s)
        left_s -= parts[cause]
    parts[Cause.UNKNOWN] = left_s
    kept = tuple((cause, part_s) for cause, part_s in parts.items() if part_s > 0)
    return ExtraTime(extra_s, kept, max(0.0, sum(found.values()) - extra_s), launches)


def _missed_only_beside(alone: Side, beside: Side) -> float:
    """The share of the cache misses beside the task that the task adds; 0 if misses are not counted."""
    if alone.misses is None or not beside.misses:
        return 0.0
    return max(0.0, 1 - alone.misses / beside.misses)


def _side(record: TrialRecord, condition: Condition) -> Side | None:
    """Return the means of a window in one condition; None if it has no inference there, or no counted waits."""
    own = in_condition(record, condition)
    if record.segments:
        spans = [(s.begin_s, s.end_s, s.waits) for s in record.segments if s.condition is condition]
    else:
        spans = [(0.0, record.elapsed_s, record.waits)]
    counted = [(begin_s, end_s, waits) for begin_s, end_s, waits in spans if waits is not None]
    if not own.any() or not counted:
        return None
    ends_s = np.array([(begin_s, end_s) for begin_s, end_s, _ in counted])
    n = int(np.diff(np.searchsorted(record.begins_s, ends_s)).sum())
    length_s = float(np.diff(ends_s).sum())
    if not n:
        return None
    read_s = sum(end_s - begin_s if waits.elapsed_s is None else waits.elapsed_s for begin_s, end_s, waits in counted)
    per_inference = length_s / read_s / n
    device_s = record.device_s if record.device_s is not None and len(record.device_s) == len(own) else None
    misses = _if_all(sum, [waits.cache_misses for *_, waits in counted])
    found = Side(
        float(record.latencies_s[own].mean()),
        None if device_s is None else float(device_s[own].mean()),
        *(total * per_inference for total in _totals([waits for *_, waits in counted])),
    )
    return dataclasses.replace(found, misses=None if misses is None else misses * per_inference)


def _totals(counted: Sequence[Waits]) -> tuple[float, ...]:
    """The sums over `counted`, in the order of the fields of `Side` from `waited_s` to `throttled_s`."""
    return (
        sum(waits.waited_s for waits in counted),
        sum(waits.cpu_s for waits in counted),
        sum(waits.voluntary for waits in counted),
        sum(waits.involuntary for waits in counted),
        sum(waits.throttled_s or 0.0 for waits in counted),
    )


def _mean(sides: Sequence[Side]) -> Side:
    return Side(
        statistics.fmean(side.latency_s for side in sides),
        _if_all(statistics.fmean, [side.device_s for side in sides]),
        statistics.fmean(side.waited_s for side in sides),
        statistics.fmean(side.cpu_s for side in sides),
        statistics.fmean(side.voluntary for side in sides),
        statistics.fmean(side.involuntary for side in sides),
        statistics.fmean(side.throttled_s for side in sides),
        _if_all(statistics.fmean, [side.misses for side in sides]),
    )


def _if_all(combine: Callable[[list[float]], float], values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return combine(known) if len(known) == len(values) else None


def _clock_ratio(windows: Windows) -> float:
    """The CPU's clock beside the task over that alone, in the median of the blocks; 1 if it was not read."""
    ratios = [
        pair.records[-1].cpu_hz_seen / pair.records[0].cpu_hz_seen
        for pair in windows.steady_pairs()
        if pair.records[0].cpu_hz_seen and pair.records[-1].cpu_hz_seen
    ]
    return statistics.median(ratios) if ratios else 1.0


def _launches(windows: Windows) -> int | None:
    """In how many steps one inference is launched; None if unknown, or if a CUDA graph launches them all at once."""
    for record in (*windows.own, *windows.alternating):
        # Only a runtime of a GPU says whether it has a graph.
        if record.profile and record.runtime.get("graph") is False:
            return round(sum(step.runs for step in record.profile))
    return None
