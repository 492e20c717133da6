"""The split of the extra time, from counts whose causes are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.cause import Cause, ExtraTime
from colocate.model.request import Task
from colocate.model.trial import Condition, Segment, Step, TrialRecord, Waits
from colocate.study.causes import Side, split
from colocate.study.interference import cells
from tests.study.truth import SPEC, TASK, record, trial

MS = 1e-3
ALONE = Side(1.0 * MS, None, 0.0, 1.0 * MS, 0.0, 0.0, 0.0)


def found(beside: Side, alone: Side = ALONE, clock_ratio: float = 1.0) -> dict[Cause, object]:
    """The parts, in ms."""
    result = split(alone, beside, clock_ratio)
    assert sum(part for _, part in result.parts) == pytest.approx(result.extra_s)
    return {cause: pytest.approx(part / MS) for cause, part in result.parts}


def beside(**values: float) -> Side:
    """Beside a task; times in ms."""
    scaled = {name: value * MS if name.endswith("_s") else value for name, value in values.items()}
    return dataclasses.replace(ALONE, **scaled)


def test_waits_are_told_apart_by_how_the_thread_left_its_cpu() -> None:
    assert found(beside(latency_s=2.0, waited_s=0.9, involuntary=2.0)) == {Cause.PREEMPTED: 0.9, Cause.UNKNOWN: 0.1}
    woken = beside(latency_s=2.0, waited_s=0.9, voluntary=1.0)
    assert found(woken) == {Cause.LAUNCH_WAIT: 0.9, Cause.UNKNOWN: 0.1}
    both = beside(latency_s=2.0, waited_s=1.0, voluntary=3.0, involuntary=1.0)
    assert found(both) == {Cause.PREEMPTED: 0.25, Cause.LAUNCH_WAIT: 0.75}


def test_what_a_quota_stopped_is_no_wait_for_the_task() -> None:
    stopped = beside(latency_s=2.0, waited_s=1.0, throttled_s=0.8, involuntary=1.0)
    assert found(stopped) == {Cause.QUOTA: 0.8, Cause.PREEMPTED: pytest.approx(0.2)}
    # Stopped on several CPUs at once: no more of it than the network waited.
    assert found(beside(latency_s=2.0, waited_s=1.0, throttled_s=3.0)) == {Cause.QUOTA: 1.0}
    # Stopped as long alone: that is in both.
    alone = dataclasses.replace(ALONE, waited_s=0.5 * MS, throttled_s=0.5 * MS)
    grown = beside(latency_s=2.0, waited_s=1.5, throttled_s=0.5, involuntary=1.0)
    assert found(grown, alone) == {Cause.PREEMPTED: 1.0}


def test_the_gpus_time_is_what_no_wait_of_its_thread_explains() -> None:
    alone = dataclasses.replace(ALONE, device_s=0.8 * MS)
    # The thread spins meanwhile: its CPU time is no cause of its own.
    slow = beside(latency_s=1.5, device_s=1.3, cpu_s=1.5)
    assert found(slow, alone) == {Cause.GPU_TIME: 0.5}
    starved = beside(latency_s=1.5, device_s=1.3, waited_s=0.5, involuntary=1.0)
    assert found(starved, alone) == {Cause.PREEMPTED: 0.5}


def test_cpu_time_is_the_clocks_as_far_as_that_fell() -> None:
    slow = beside(latency_s=1.5, cpu_s=1.4)
    assert found(slow) == {Cause.SLOWER_CPU: 0.4, Cause.UNKNOWN: 0.1}
    assert found(slow, clock_ratio=0.8) == {Cause.CLOCK: 0.25, Cause.SLOWER_CPU: 0.15, Cause.UNKNOWN: 0.1}
    assert found(slow, clock_ratio=0.5) == {Cause.CLOCK: 0.4, Cause.UNKNOWN: 0.1}
    assert found(slow, clock_ratio=1.2) == {Cause.SLOWER_CPU: 0.4, Cause.UNKNOWN: 0.1}


def test_cpu_time_is_the_memorys_as_far_as_misses_came_with_the_task() -> None:
    alone = dataclasses.replace(ALONE, misses=1000.0)
    slow = beside(latency_s=1.5, cpu_s=1.4, misses=4000.0)
    assert found(slow, alone) == {Cause.MEMORY: 0.3, Cause.SLOWER_CPU: 0.1, Cause.UNKNOWN: 0.1}
    assert found(slow, alone, clock_ratio=0.8) == {
        Cause.CLOCK: 0.25,
        Cause.MEMORY: pytest.approx(0.75 * 0.15),
        Cause.SLOWER_CPU: pytest.approx(0.25 * 0.15),
        Cause.UNKNOWN: 0.1,
    }
    # Fewer misses, none at all, or none counted on a side: nothing is the memory's.
    for with_task, without in ((1000.0, 4000.0), (0.0, 0.0), (None, 1000.0), (1000.0, None)):
        sides = dataclasses.replace(slow, misses=with_task), dataclasses.replace(ALONE, misses=without)
        assert found(*sides) == {Cause.SLOWER_CPU: 0.4, Cause.UNKNOWN: 0.1}


def test_parts_are_cut_to_the_whole_and_what_was_cut_is_said() -> None:
    result = split(ALONE, beside(latency_s=1.5, waited_s=0.4, involuntary=1.0, cpu_s=1.3))
    assert dict(result.parts) == {Cause.PREEMPTED: pytest.approx(0.4 * MS), Cause.SLOWER_CPU: pytest.approx(0.1 * MS)}
    assert result.beyond_s == pytest.approx(0.2 * MS)
    assert result.largest[0] is Cause.PREEMPTED


# ---- cells


def steady(block: int, task: Task | None, latency_s: float, waits: Waits | None, **more: object) -> TrialRecord:
    found = record(trial(block, task), np.full(200, latency_s) * (1 + 1e-3 * block))
    return dataclasses.replace(found, waits=waits, **more)  # type: ignore[arg-type]


def cause_of(windows: list[TrialRecord]) -> ExtraTime | None:
    alone, beside = cells(windows, SPEC)
    assert alone.extra_time is None
    return beside.extra_time


def test_a_cell_of_steady_windows_has_its_causes_per_inference() -> None:
    windows = [
        steady(block, task, latency_s, waits, cpu_hz_seen=1_000_000_000)
        for block in range(4)
        for task, latency_s, waits in ((None, 1 * MS, Waits(0.0, 0.2, 0, 3)), (TASK, 2 * MS, Waits(0.18, 0.2, 0, 9)))
    ]
    result = cause_of(windows)
    assert result is not None and result.launches is None
    assert result.extra_s == pytest.approx(1 * MS, rel=0.01)
    assert dict(result.parts)[Cause.PREEMPTED] == pytest.approx(0.9 * MS)


def test_readings_of_a_part_of_a_window_stand_for_all_of_it() -> None:
    """In a window of 2 s the counts of 0.5 s were read: four times as much was waited in it."""
    windows = [
        steady(block, task, latency_s, Waits(waited_s, 0.4, 0, 9, None, 0.5))
        for block in range(4)
        for task, latency_s, waited_s in ((None, 1 * MS, 0.0), (TASK, 2 * MS, 0.045))
    ]
    result = cause_of(windows)
    assert result is not None and dict(result.parts)[Cause.PREEMPTED] == pytest.approx(0.9 * MS)


@pytest.mark.parametrize(("latency_s", "waits"), [(1 * MS, Waits(0.1, 0.2, 0, 3)), (2 * MS, None)])
def test_without_a_slowdown_or_a_count_there_is_no_cause(latency_s: float, waits: Waits | None) -> None:
    windows = [
        steady(block, task, own_s, waits) for block in range(4) for task, own_s in ((None, 1 * MS), (TASK, latency_s))
    ]
    assert cause_of(windows) is None


def test_launches_are_known_where_a_gpu_was_profiled_without_a_graph() -> None:
    profile = (Step("conv", "Conv", 0.1), Step("relu", "Relu", 0.1, runs=3.0))
    for graph, launches in ((False, 4), (True, None), (None, None)):
        runtime = {} if graph is None else {"graph": graph}
        windows = [
            steady(block, task, own_s, Waits(0.0, 0.1, 0, 0), profile=profile, runtime=runtime)
            for block in range(4)
            for task, own_s in ((None, 1 * MS), (TASK, 2 * MS))
        ]
        result = cause_of(windows)
        assert result is not None and result.launches == launches


def test_an_alternating_window_is_split_by_its_segments() -> None:
    """Ten inferences of 1 ms alone, five of 2 ms beside the task; the window's own waits hold both."""
    windows = []
    for block in range(4):
        a, b = Condition.ALONE, Condition.BESIDE
        latencies = np.array([1 * MS] * 10 + [2 * MS] * 5) * (1 + 1e-3 * block)
        found = record(dataclasses.replace(trial(block, TASK), alternating=True), latencies)
        edge_s = float(latencies[:10].sum())
        segments = (
            Segment(a, 0, 0.0, edge_s, waits=Waits(0.0, 10 * MS, 0, 0)),
            Segment(b, 0, edge_s, 1.0, waits=Waits(4 * MS, 6 * MS, 1, 3)),
        )
        conditions = np.array([a] * 10 + [b] * 5, dtype=np.uint8)
        windows.append(dataclasses.replace(found, segments=segments, conditions=conditions, waits=Waits(9, 9, 9, 9)))
    result = cause_of(windows)
    assert result is not None
    parts = dict(result.parts)
    assert parts[Cause.PREEMPTED] == pytest.approx(0.6 * MS)
    assert parts[Cause.LAUNCH_WAIT] == pytest.approx(0.2 * MS)
    assert parts[Cause.SLOWER_CPU] == pytest.approx(0.2 * MS)
