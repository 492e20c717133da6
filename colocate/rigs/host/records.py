"""Make one `TrialRecord` out of the children's reports."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from colocate.errors import TrialError
from colocate.host.clocks.domain import ARRIVED_RATIO
from colocate.host.cpus.activity import Disturbance
from colocate.model.quality import QualityFlag, in_order
from colocate.model.request import Task
from colocate.model.trial import Condition, FloatArray, Segment, Step, Trial, TrialRecord, Waits, Work
from colocate.power.trace import power_trace
from colocate.rigs.host.alternation import Alternated
from colocate.rigs.host.monitor import Readings
from colocate.rigs.host.own_programs import failure_words
from colocate.study.alternation import conditions_of

# Share of CPU time above which its use by others is a warning. The kernel counts in 10 ms
# ticks, so a share below this may be rounding in a window of a second.
DISTURBED_RATIO = 0.05
# Share of the network's window that a task's counted time must cover.
COVERED_RATIO = 0.9
_NS = 1e-9

# A window was held up if it took more than its length times the ratio, plus the seconds, plus so many inferences: by
# a signal that stops it, by sleep, or by a pause of the virtual machine.
HELD_UP_RATIO, HELD_UP_S, HELD_UP_INFERENCES = 1.5, 0.5, 10

# A segment as long as so many inferences has room for a whole one beside its guard. A window of so many segments has
# each condition twice.
SEGMENT_INFERENCES, SEGMENTS = 4, 5

_TOLD = (
    QualityFlag.STARTED_HOT,
    QualityFlag.QUOTA_THROTTLED,
    QualityFlag.MOVED_BY_OTHERS,
    QualityFlag.LEFT_PROCESSES,
    QualityFlag.HELD_UP,
)

Report = Mapping[str, Any]


class SegmentTooShortError(TrialError):
    """No inference fits into a segment of one condition. In that condition an inference takes `inference_s`
    seconds.
    """

    def __init__(self, message: str, inference_s: float) -> None:
        super().__init__(message)
        self.inference_s = inference_s


@dataclass(frozen=True, slots=True)
class Observation:
    """What the parent saw of one window. It said `go` at `began_ns` of the monotonic clock, when the calendar clock
    was at `started_unix_s`.

    `counted` is the task's work, if the parent knows it better than the task's own reports; `waits` are the
    network's. `throttled`: a quota around the children stopped them. `moved`: somebody rescheduled the network's
    process. The window was to last `planned_s`, and took `took_s`, which includes time that the machine slept.
    `alternated` is what was noted of an alternating window; None for a steady one.
    """

    started_unix_s: float
    began_ns: int
    readings: Readings
    disturbances: Sequence[Disturbance] = ()
    started_hot: bool = False
    throttled: bool = False
    moved: bool = False
    planned_s: float = math.inf
    took_s: float = 0.0
    alternated: Alternated | None = None
    counted: Work | None = None
    waits: Waits | None = None


def record(
    trial: Trial,
    served: Sequence[Report],
    worked: Sequence[Report],
    observed: Observation,
    runtime: Mapping[str, Any],
) -> TrialRecord:
    """Return the record of one window. It is made of the reports of its worker (none or one) and of its tasks'
    processes (none or more), and of what the parent observed. `runtime` are the facts of the worker.

    Raises TrialError if a task failed inside the window, or the network finished no inference.
    """
    began_ns, readings, alternated = observed.began_ns, observed.readings, observed.alternated
    begin_ns, end_ns = _span_ns(served or worked) or (began_ns, began_ns + round(trial.window_s / _NS))
    if alternated is not None:
        # A worker that is paused at once reads `go` only later.
        begin_ns = min(begin_ns, began_ns)
    begins_ns, latencies_ns, devices_s = _inferences(served)
    reported = work(trial.task, worked)
    power, power_warnings = power_trace(readings.samples, begin_ns, end_ns, under_load=bool(served or worked))
    cpu_hz, gpu_hz, emc_hz = (_median(clock) for clock in zip(*readings.clocks_hz, strict=True))
    # If the parent has read a task's work, that tells more than the times of the task's first and last step.
    whole = worked if alternated is None and observed.counted is None else ()
    warnings = {*_warnings(served, whole, observed.disturbances), *_clock_warnings(trial, readings), *power_warnings}
    deserted = any(report.get("deserted") for report in worked)
    # A quota that stops the children, or colocate with them, does so in the next attempt as well.
    held_up = not observed.throttled and _held_up(observed, served, latencies_ns)
    seen = zip(_TOLD, (observed.started_hot, observed.throttled, observed.moved, deserted, held_up), strict=True)
    warnings |= {warning for warning, it_was in seen if it_was}
    found = TrialRecord(
        trial=trial,
        started_unix_s=observed.started_unix_s,
        elapsed_s=(end_ns - begin_ns) * _NS,
        begins_s=(begins_ns - begin_ns) * _NS,
        latencies_s=latencies_ns * _NS,
        device_s=devices_s if devices_s.size else None,
        work=reported if observed.counted is None else observed.counted,
        power=power,
        cpu_hz_seen=cpu_hz,
        gpu_hz_seen=gpu_hz,
        emc_hz_seen=emc_hz,
        temperature_c=readings.temperature_c,
        gpu_temperature_c=readings.gpu_temperature_c,
        throttle_reasons=readings.throttle_reasons,
        runtime=runtime,
        profile=tuple(Step.from_json(step) for report in served for step in report.get("profile", ())),
        warnings=in_order(warnings),
        waits=observed.waits,
    )
    return found if alternated is None else _sorted(found, alternated, begin_ns)


def _held_up(observed: Observation, served: Sequence[Report], latencies_ns: FloatArray) -> bool:
    """Return whether the window lasted far longer than planned, for the parent or for the network."""
    inference_s = float(np.median(latencies_ns)) * _NS if latencies_ns.size else 0.0
    allowed_s = HELD_UP_RATIO * observed.planned_s + HELD_UP_S + HELD_UP_INFERENCES * inference_s
    took_s = [(report["end_ns"] - report["begin_ns"]) * _NS for report in served]
    longest_s: float = max((observed.took_s, *took_s))
    return longest_s > allowed_s


def _inferences(served: Sequence[Report]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return when inferences began and how long they took in ns, and how long on the accelerator in s. All are empty
    without a worker. Raises TrialError if a worker finished none.
    """
    names = ("begins_ns", "latencies_ns", "devices_s")
    begins_ns, latencies_ns, devices_s = (
        np.array(served[0][name] if served else [], dtype=np.float64) for name in names
    )
    if served and not latencies_ns.size:
        raise TrialError("the network finished no inference in its window: its worker is damaged")
    return begins_ns, latencies_ns, devices_s


def _sorted(found: TrialRecord, alternated: Alternated, begin_ns: int) -> TrialRecord:
    """Return the record with its segments and the condition of each inference. Raises TrialError if no inference lies
    in one of the conditions.
    """
    assert found.trial.inference is not None and found.work is not None
    segments = alternated.segments(begin_ns)
    if QualityFlag.LEFT_PROCESSES in found.warnings:
        # Starting and killing is not the task's work.
        segments = tuple(dataclasses.replace(segment, work=None) for segment in segments)
    conditions = conditions_of(found.begins_s, found.latencies_s, segments, found.trial.inference.period_s)
    for condition, where in ((Condition.ALONE, "without the task"), (Condition.BESIDE, "beside the task")):
        if not (conditions == condition).any():
            own = [segment for segment in segments if segment.condition is condition]
            fix = "raise --segment-ms and --window, or give --design steady"
            if not own:
                raise TrialError(f"the task took too long to pause: no segment {where} is left; {fix}")
            if found.trial.inference.period_s is not None:
                # Each frame waits for the one before, so latencies are as long as the window lasts: longer segments
                # would only make longer ones.
                late = f"the network does not keep up with its frames {where}"
                raise TrialError(f"{late}; raise --period-ms, or give --design steady")
            longest_s, inference_s = max(segment.length_s for segment in own), _overlapping_s(found, own)
            enough_s = SEGMENT_INFERENCES * inference_s
            flags = f"--segment-ms {math.ceil(1e3 * enough_s)} --window {math.ceil(SEGMENTS * enough_s)}"
            raise SegmentTooShortError(
                f"no inference fits into a segment {where}, of {1e3 * longest_s:.0f} ms at the most; "
                f"give {flags}, or --design steady",
                inference_s,
            )
    paused_late = {QualityFlag.PAUSED_LATE} if alternated.paused_late else set()
    return dataclasses.replace(
        found,
        work=alternated.work(found.work),
        segments=segments,
        conditions=conditions,
        warnings=in_order({*found.warnings, *paused_late}),
    )


def _overlapping_s(found: TrialRecord, segments: Sequence[Segment]) -> float:
    """Return the median length in s of inferences that overlap one of the segments; if none does, the longest
    segment's.
    """
    ends_s = found.begins_s + found.latencies_s
    under_way = [(found.begins_s < each.end_s) & (ends_s > each.begin_s) for each in segments]
    lengths_s = found.latencies_s[np.logical_or.reduce(under_way)]
    return float(np.median(lengths_s)) if lengths_s.size else max(each.length_s for each in segments)


def work(task: Task | None, reports: Sequence[Report]) -> Work | None:
    """Return what the processes of a task did together; None if there are no reports.

    Raises TrialError if one of them failed.
    """
    for report in reports:
        if (failed := report.get("failed")) and task is not None:
            named = {member.name: member for member in task.members}
            raise TrialError(failure_words(named[report.get("task", task.name)], failed))
    if not reports:
        return None
    parts = task.parts if task else ()
    if parts:
        return Work.of_mix(tuple(_work([r for r in reports if r["task"] == part.name]) for part in parts))
    return _work(reports)


def _work(reports: Sequence[Report]) -> Work:
    """Return what the processes of one task did together."""
    elapsed_s = [(report["end_ns"] - report["begin_ns"]) * _NS for report in reports]
    return Work(
        unit=reports[0]["unit"],
        count=sum(report["count"] for report in reports),
        elapsed_s=sum(elapsed_s) / len(elapsed_s),
        cpu_s=sum(report["cpu_s"] for report in reports),
    )


def _span_ns(reports: Sequence[Report]) -> tuple[int, int] | None:
    if not reports:
        return None
    return min(report["begin_ns"] for report in reports), max(report["end_ns"] for report in reports)


def _median(clock_hz: Sequence[int | None]) -> int | None:
    read = [hz for hz in clock_hz if hz is not None]
    return statistics.median_low(read) if read else None


def _clock_warnings(trial: Trial, readings: Readings) -> Iterator[QualityFlag]:
    if readings.throttled or readings.throttle_reasons:
        yield QualityFlag.THROTTLED
    asked = (trial.clocks.cpu_hz, trial.clocks.gpu_hz, trial.clocks.emc_hz)
    if any(
        wanted_hz is not None and (hz is None or abs(hz - wanted_hz) > ARRIVED_RATIO * wanted_hz)
        for look in readings.clocks_hz
        for wanted_hz, hz in zip(asked, look, strict=True)
    ):
        yield QualityFlag.CLOCK_DRIFTED


def _warnings(
    served: Sequence[Report], worked: Sequence[Report], disturbances: Sequence[Disturbance]
) -> Iterator[QualityFlag]:
    if any(each.stolen_ratio > DISTURBED_RATIO for each in disturbances):
        yield QualityFlag.CPU_TIME_STOLEN
    if any(each.others_ratio > DISTURBED_RATIO for each in disturbances):
        yield QualityFlag.OTHER_LOAD
    if worked and (span_ns := _span_ns(served)):
        begin_ns, end_ns = span_ns
        covered_ns = min(min(r["end_ns"], end_ns) - max(r["begin_ns"], begin_ns) for r in worked)
        if covered_ns < COVERED_RATIO * (end_ns - begin_ns):
            yield QualityFlag.TASK_ENDED_EARLY
