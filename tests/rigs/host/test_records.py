from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from colocate.errors import TrialError
from colocate.host.cpus.activity import Disturbance
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Task
from colocate.model.trial import Condition, Step, Trial, TrialRecord, Waits, Work
from colocate.rigs.host.alternation import Alternated, Stretch
from colocate.rigs.host.gauge import Count
from colocate.rigs.host.monitor import Clockset, Readings
from colocate.rigs.host.records import DISTURBED_RATIO, Observation, SegmentTooShortError, record, work
from colocate.study.alternation import Turn
from tests.rigs.host.trials import trial

S = 1_000_000_000
BEGAN_NS = 50 * S
TASK = Task("jpeg")
UNSEEN: Clockset = (None, None, None)


def served(begin_ns: int = BEGAN_NS, window_s: float = 2.0, **more: object) -> dict[str, Any]:
    """The report of a worker whose inferences take 0.5 s each."""
    begins_ns = [begin_ns + n * S // 2 for n in range(round(2 * window_s))]
    end_ns = begin_ns + round(window_s * S)
    report = {
        "begin_ns": begin_ns,
        "end_ns": end_ns,
        "begins_ns": begins_ns,
        "latencies_ns": [S // 2] * len(begins_ns),
    }
    return {**report, "devices_s": [], "cpu_s": window_s, **more}


def worked(begin_ns: int = BEGAN_NS, window_s: float = 2.0, count: float = 10.0, **more: object) -> dict[str, Any]:
    """The report of one process of a task."""
    times = {"begin_ns": begin_ns, "end_ns": begin_ns + round(window_s * S)}
    return {"unit": "frames", "count": count, **times, "cpu_s": window_s / 2, **more}


def recorded(
    asked: Trial, network: Sequence[dict[str, Any]] = (), task: Sequence[dict[str, Any]] = (), **observed: Any
) -> TrialRecord:
    seen = Observation(1.5, BEGAN_NS, **{"readings": Readings((UNSEEN,)), **observed})
    return record(asked, network, task, seen, {"provider": "CPU"})


def test_the_window_is_the_networks_own() -> None:
    found = recorded(trial(task=TASK), [served(BEGAN_NS + S)], [worked(BEGAN_NS, 4.0)])
    assert (found.elapsed_s, found.started_unix_s) == (2.0, 1.5)
    assert found.begins_s == pytest.approx([0.0, 0.5, 1.0, 1.5])
    assert found.latencies_s == pytest.approx([0.5] * 4)
    assert found.runtime == {"provider": "CPU"}
    assert found.warnings == ()


def test_without_a_network_it_is_the_tasks_from_the_first_to_the_last() -> None:
    found = recorded(trial(None, TASK), task=[worked(BEGAN_NS, 2.0), worked(BEGAN_NS + S, 2.0)])
    assert found.elapsed_s == 3.0
    assert found.latencies_s.size == 0


def test_an_idle_window_is_as_long_as_was_asked_and_has_no_work() -> None:
    found = recorded(trial(None, window_s=0.25))
    assert (found.elapsed_s, found.work, found.power, found.device_s) == (0.25, None, None, None)


def test_work_is_that_of_all_processes_together() -> None:
    found = recorded(trial(None, TASK), task=[worked(window_s=2.0, count=10.0), worked(window_s=4.0, count=5.5)])
    assert found.work == Work("frames", 15.5, elapsed_s=3.0, cpu_s=3.0)


def test_times_on_the_accelerator_and_a_profile_are_kept() -> None:
    step = {"name": "conv1", "kind": "Conv", "time_s": 0.1}
    inner = {**step, "within": ["loop"], "runs": 3.0}
    found = recorded(trial(), [served(devices_s=[0.4] * 4, profile=[step, inner])])
    assert found.device_s is not None
    assert np.array_equal(found.device_s, [0.4] * 4)
    assert found.profile == (Step("conv1", "Conv", 0.1), Step("conv1", "Conv", 0.1, None, ("loop",), 3.0))


def test_a_window_without_an_inference_is_a_failure() -> None:
    with pytest.raises(TrialError, match="no inference"):
        recorded(trial(), [served(begins_ns=[], latencies_ns=[])])


@pytest.mark.parametrize(
    ("stderr", "said"), [("loading\nno such file: a.jpg\n", "loading; no such file: a.jpg"), ("", "it said nothing")]
)
def test_a_task_that_failed_is_a_failure_with_its_last_lines(stderr: str, said: str) -> None:
    failed = worked(failed={"returncode": 3, "stderr": stderr})
    with pytest.raises(TrialError, match=rf"task 'jpeg' failed \(3\): {said}"):
        work(TASK, [worked(), failed])


@pytest.mark.parametrize(
    ("disturbance", "warnings"),
    [
        (Disturbance(DISTURBED_RATIO, DISTURBED_RATIO), ()),
        (Disturbance(0.06, 0.0), (QualityFlag.OTHER_LOAD,)),
        (Disturbance(0.0, 0.06), (QualityFlag.CPU_TIME_STOLEN,)),
        (Disturbance(0.06, 0.06), (QualityFlag.CPU_TIME_STOLEN, QualityFlag.OTHER_LOAD)),
    ],
)
def test_cpu_time_that_others_used_is_a_warning(disturbance: Disturbance, warnings: tuple[QualityFlag, ...]) -> None:
    assert recorded(trial(), [served()], disturbances=[Disturbance(0, 0), disturbance]).warnings == warnings


def test_waits_are_kept_and_a_quota_that_stopped_the_window_is_a_warning() -> None:
    waits = Waits(0.5, 1.5, 2, 3, 0.1)
    found = recorded(trial(), [served()], waits=waits, throttled=True)
    assert (found.waits, found.warnings) == (waits, (QualityFlag.QUOTA_THROTTLED,))
    assert recorded(trial(), [served()]).waits is None


@pytest.mark.parametrize(
    ("began_s", "took_s", "early"), [(0.0, 2.0, False), (0.0, 1.81, False), (0.0, 1.79, True), (0.21, 2.0, True)]
)
def test_a_task_that_leaves_a_tenth_of_the_window_alone_is_a_warning(
    began_s: float, took_s: float, early: bool
) -> None:
    late = worked(BEGAN_NS + round(began_s * S), took_s)
    found = recorded(trial(task=TASK), [served()], [worked(), late])
    assert (QualityFlag.TASK_ENDED_EARLY in found.warnings) == early


def test_what_was_read_from_outside_counts_more_than_what_a_starved_task_says() -> None:
    """It began to count when the network was done."""
    starved, counted = worked(BEGAN_NS + 2 * S, 0.01), Work("words", 3.0, 2.0, 0.001)
    found = recorded(trial(task=TASK), [served()], [starved], counted=counted)
    assert (found.work, found.warnings) == (counted, ())
    failed = {**starved, "failed": {"returncode": 1, "stderr": "no"}}
    with pytest.raises(TrialError, match="failed"):
        recorded(trial(task=TASK), [served()], [failed], counted=counted)


@pytest.mark.parametrize(
    ("looks", "drifted"),
    [
        ([921_600_000, 921_600_000], False),
        ([921_600_000, 925_000_000], False),
        ([921_600_000, 907_200_000], True),
        ([921_600_000, None], True),
    ],
)
def test_a_pinned_clock_that_is_seen_elsewhere_once_has_drifted(looks: list[int | None], drifted: bool) -> None:
    readings = Readings(tuple((None, hz, 1) for hz in looks))
    found = recorded(trial(clocks=ClockPoint(gpu_hz=921_600_000)), [served()], readings=readings)
    assert (QualityFlag.CLOCK_DRIFTED in found.warnings) == drifted
    assert QualityFlag.CLOCK_DRIFTED not in recorded(trial(), [served()], readings=readings).warnings


def test_the_clock_seen_is_one_that_was_read() -> None:
    looks: tuple[Clockset, ...] = ((3, None, 1), (1, None, None), (2, None, 1), (9, None, 5))
    found = recorded(trial(), [served()], readings=Readings(looks))
    assert (found.cpu_hz_seen, found.gpu_hz_seen, found.emc_hz_seen) == (2, None, 1)


@pytest.mark.parametrize(
    ("readings", "hot", "warning"),
    [
        (Readings((UNSEEN,), throttled=True), False, QualityFlag.THROTTLED),
        (Readings((UNSEEN,), throttle_reasons=("power cap",)), False, QualityFlag.THROTTLED),
        (Readings((UNSEEN,)), True, QualityFlag.STARTED_HOT),
    ],
)
def test_heat_and_throttling_are_warnings(readings: Readings, hot: bool, warning: QualityFlag) -> None:
    found = recorded(trial(), [served()], readings=readings, started_hot=hot)
    assert found.warnings == (warning,)
    assert found.throttle_reasons == readings.throttle_reasons


def stretch(condition: Condition, begin_s: float, end_s: float, work: float) -> Stretch:
    """A segment so long after the parent's word; a frame takes a second of CPU time."""
    begin_ns, end_ns = (BEGAN_NS + round(each * S) for each in (begin_s, end_s))
    return Stretch(Turn(condition, 0), begin_ns, end_ns, (Count(0, 0, 0),), (Count(work, work, work),))


STRETCHES = (stretch(Condition.ALONE, 0.1, 1.0, 0.0), stretch(Condition.BESIDE, 1.0, 2.0, 0.5))


def test_an_alternating_window_has_segments_and_the_condition_of_each_inference() -> None:
    # The task's last step was done before its last pause, which is no early end.
    found = recorded(
        trial(task=TASK), [served()], [worked(window_s=1.0)], alternated=Alternated(STRETCHES, False, "frames")
    )
    assert [(each.condition, each.group, each.work) for each in found.segments] == [
        (Condition.ALONE, 0, 0.0),
        (Condition.BESIDE, 0, 0.5),
    ]
    assert [each.length_s for each in found.segments] == pytest.approx([0.9, 1.0])
    assert found.conditions is not None
    assert found.conditions.tolist() == [0, Condition.ALONE, Condition.BESIDE, Condition.BESIDE]
    assert found.work == Work("frames", 0.5, 1.0, 0.5)
    assert found.warnings == ()


def test_an_alternating_window_begins_with_the_parents_word() -> None:
    """A worker that is paused first thing hears it later."""
    alternated = Alternated(STRETCHES, True, "frames")
    found = recorded(trial(task=TASK), [served(BEGAN_NS + S // 4)], [worked()], alternated=alternated)
    assert found.begins_s[0] == pytest.approx(0.25)
    assert found.segments[0].begin_s == pytest.approx(0.1)
    assert found.elapsed_s == 2.25
    assert found.warnings == (QualityFlag.PAUSED_LATE,)


@pytest.mark.parametrize(
    ("stretches", "said"),
    [
        (STRETCHES[:1], "the task took too long to pause: no segment beside the task is left; raise --segment-ms"),
        (
            (stretch(Condition.ALONE, 0.1, 0.5, 0), STRETCHES[1]),
            "into a segment without the task, of 400 ms at the most; give --segment-ms 2000 --window 10, or --design",
        ),
        ((), "no segment without the task is left; .* or give --design steady"),
    ],
)
def test_a_condition_without_an_inference_is_a_failure_that_says_what_helps(
    stretches: tuple[Stretch, ...], said: str
) -> None:
    with pytest.raises(TrialError, match=said):
        recorded(trial(task=TASK), [served()], [worked()], alternated=Alternated(stretches, True, "frames"))


@pytest.mark.parametrize("backlog_s", [0.0, 5.0])
def test_a_network_that_does_not_keep_up_with_its_frames_asks_for_no_longer_segments(backlog_s: float) -> None:
    """Latencies count from when a frame was due: of late frames they say how long the window was."""
    asked = trial(task=TASK)
    assert asked.inference is not None
    asked = dataclasses.replace(asked, inference=dataclasses.replace(asked.inference, period_s=0.5))
    late = served(latencies_ns=[round((0.6 + backlog_s + 0.1 * n) * S) for n in range(4)])
    with pytest.raises(
        TrialError, match="does not keep up with its frames without the task; raise --period"
    ) as caught:
        recorded(asked, [late], [worked()], alternated=Alternated(STRETCHES, False, "frames"))
    assert not isinstance(caught.value, SegmentTooShortError)


def test_each_task_of_a_mix_has_its_own_work_and_its_own_failure() -> None:
    mix = Task("both", parts=(TASK, Task("mine", ("true",))))
    jpeg, mine = {**worked(), "task": "jpeg"}, {**worked(unit="runs", count=2.0), "task": "mine"}
    found = work(mix, [jpeg, jpeg, mine])
    assert found is not None
    assert [(part.unit, part.count) for part in found.parts] == [("frames", 2 * worked()["count"]), ("runs", 2.0)]
    assert (found.unit, found.count) == ("", 2.0)
    with pytest.raises(TrialError, match=r"task 'mine' failed \(3\): gone"):
        work(mix, [jpeg, {**mine, "failed": {"returncode": 3, "stderr": "gone"}}])


@pytest.mark.parametrize(
    ("took_s", "network_s", "held_up"),
    [
        (2.4, 2.2, False),
        (3.5, 2.0, False),
        (2.0, 20.0, True),
        (20.0, 2.0, True),
        (20.0, None, True),
        (2.0, None, False),
    ],
)
def test_a_window_far_longer_than_planned_was_held_up(took_s: float, network_s: float | None, held_up: bool) -> None:
    network = [] if network_s is None else [served(window_s=network_s, latencies_ns=[S // 100], begins_ns=[BEGAN_NS])]
    found = recorded(trial("alexnet" if network else None), network, planned_s=2.0, took_s=took_s)
    assert (QualityFlag.HELD_UP in found.warnings) is held_up


def test_a_window_that_a_quota_lengthens_is_not_held_up() -> None:
    found = recorded(trial(), [served()], planned_s=2.0, took_s=20.0, throttled=True)
    assert QualityFlag.QUOTA_THROTTLED in found.warnings and QualityFlag.HELD_UP not in found.warnings


def test_a_slow_network_holds_nothing_up() -> None:
    slow = served(window_s=30.0, latencies_ns=[15 * S] * 2, begins_ns=[BEGAN_NS, BEGAN_NS + 15 * S])
    assert recorded(trial(), [slow], planned_s=2.0, took_s=30.0).warnings == ()


def test_a_network_that_somebody_moved_is_a_warning() -> None:
    assert recorded(trial(), [served()], moved=True).warnings == (QualityFlag.MOVED_BY_OTHERS,)
