"""Segments: their order, their length, and which inference belongs to which."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.trial import Condition, Segment
from colocate.study.alternation import Pace, catch_up_s, conditions_of, pace_of, scheduled

SEGMENTS = (Segment(Condition.ALONE, 0, 0.0, 1.0), Segment(Condition.BESIDE, 0, 1.5, 2.5))


@given(st.floats(0.1, 30), st.floats(0.02, 5), st.text(max_size=5))
def test_groups_are_balanced_and_the_task_alone_stands_between_them(
    window_s: float, segment_s: float, seed: str
) -> None:
    pace = Pace(segment_s, 0.005, 0.1)
    turns = scheduled(window_s, pace, seed)
    assert turns == scheduled(window_s, pace, seed)
    groups = Counter(turn.group for turn in turns if turn.condition is not Condition.TASK_ALONE)
    # Where there is no room for one of four, one of two.
    assert set(groups.values()) == {4} or list(groups.values()) == [2]
    for group, size in groups.items():
        at = [index for index, turn in enumerate(turns) if turn.group == group]
        order = [turns[index].condition for index in at]
        assert at == list(range(at[0], at[0] + size))
        assert sorted(order) == sorted([Condition.ALONE, Condition.BESIDE] * (size // 2))
        assert size == 2 or order == order[::-1]
    assert 1 <= sum(turn.condition is Condition.TASK_ALONE for turn in turns) <= max(1, len(groups))
    length_s = sum(pace.length_s(turn.condition) for turn in turns)
    assert length_s <= max(window_s * 1.2, 2 * segment_s + 0.1 + 1e-9)


def test_both_orders_are_drawn() -> None:
    firsts = {scheduled(1.0, Pace(0.05, 0.005), str(seed))[0].condition for seed in range(20)}
    assert firsts >= {Condition.ALONE, Condition.BESIDE}


@pytest.mark.parametrize(
    ("known", "segment_s", "guard_s"),
    [
        ({"inference_s": 0.001}, 0.025, 0.005),
        ({"inference_s": 0.01}, 0.08, 0.005),
        # Room for eight and the task alone, for four, for two, and for none.
        ({"inference_s": 0.05}, (2 - 0.105) / 8, 0.005),
        ({"inference_s": 0.15}, (2 - 0.105) / 4, 0.005),
        ({"inference_s": 0.25}, (2 - 0.105) / 2, 0.005),
        ({"inference_s": 1.0}, 2.255, 0.005),
        ({"inference_s": 0.001, "switching_s": 0.01}, 0.2, 0.005),
        ({"inference_s": 0.001, "settling": True}, 0.2, 0.05),
        ({"inference_s": 0.001, "segment_s": 0.03}, 0.03, 0.005),
        ({"inference_s": 0.5, "segment_s": 0.03}, 1.13, 0.005),
        # Whole periods: 8 of them.
        ({"inference_s": 0.01, "period_s": 0.02}, 0.16, 0.02),
        ({"inference_s": 0.01, "period_s": 0.02, "segment_s": 0.05}, 0.08, 0.02),
        ({"inference_s": 0.0}, 0.025, 0.005),
    ],
)
def test_a_segment_is_as_long_as_inferences_switches_and_governors_need(
    known: dict[str, float], segment_s: float, guard_s: float
) -> None:
    pace = pace_of(2.0, **known)  # type: ignore[arg-type]
    assert pace.segment_s == pytest.approx(segment_s)
    assert pace.guard_s == guard_s


@pytest.mark.parametrize(
    ("known", "guard_s", "measured_s"),
    [
        # At least two periods, and whole ones.
        ({"quota_period_s": 0.1}, 0.105, 0.2),
        ({"quota_period_s": 0.01}, 0.015, 0.02),
        ({"quota_period_s": 0.01, "segment_s": 0.07}, 0.015, 0.06),
        ({"quota_period_s": 0.01, "inference_s": 0.01}, 0.015, 0.07),
        ({"quota_period_s": 0.01, "settling": True}, 0.06, 0.14),
        # Whole frames besides: the guard takes what is over.
        ({"quota_period_s": 0.01, "period_s": 0.033}, 0.033 + 0.01 + 0.021, 0.2),
    ],
)
def test_a_task_is_measured_in_whole_periods_of_its_quota_after_the_first(
    known: dict[str, float], guard_s: float, measured_s: float
) -> None:
    pace = pace_of(2.0, **{"inference_s": 0.001, **known})  # type: ignore[arg-type]
    assert pace.guard_s == pytest.approx(guard_s)
    assert pace.segment_s - pace.guard_s == pytest.approx(measured_s)
    alone = (pace.length_s(Condition.TASK_ALONE) - pace.guard_s) / known["quota_period_s"]
    assert alone == pytest.approx(round(alone)) and alone > 1.99


@given(st.floats(0.1, 5), st.floats(1e-4, 2), st.floats(0, 1))
def test_each_segment_holds_a_whole_inference_wherever_the_first_begins(
    window_s: float, inference_s: float, phase: float
) -> None:
    pace = pace_of(window_s, inference_s)
    # The next to begin waits for the rest of the one that overlaps the switch.
    whole_by_s = pace.guard_s + (1 + phase) * inference_s * 1.12
    assert whole_by_s <= pace.segment_s


def test_segments_fill_the_window_of_a_slow_network() -> None:
    for inference_s in (0.05, 0.15, 0.25):
        pace = pace_of(2.0, inference_s)
        length_s = sum(pace.length_s(turn.condition) for turn in scheduled(2.0, pace, "a"))
        assert length_s == pytest.approx(2.0)


def test_the_task_alone_needs_no_segment_as_long_as_slow_inferences() -> None:
    assert pace_of(1.0, 0.8).length_s(Condition.TASK_ALONE) == pytest.approx(0.105)
    assert pace_of(1.0, 0.001).length_s(Condition.TASK_ALONE) == pytest.approx(0.025)
    assert pace_of(1.0, 0.8, switching_s=0.02).length_s(Condition.TASK_ALONE) == pytest.approx(0.4)


def test_an_inference_belongs_to_the_segment_that_holds_all_of_it() -> None:
    begins_s = np.array([-0.1, 0.0, 0.5, 0.9, 1.2, 1.5, 2.4, 2.6])
    found = conditions_of(begins_s, np.full(8, 0.2), SEGMENTS)
    assert found.tolist() == [0, Condition.ALONE, Condition.ALONE, 0, 0, Condition.BESIDE, 0, 0]
    assert found.dtype == np.uint8


def test_the_mean_is_that_of_all_inferences_and_not_of_those_that_end_in_time() -> None:
    """Beside a task with an equal share of the CPU one of four inferences waits for the task's turn. Many of a
    segment's length, so that the long one is often cut off at the end.
    """
    draw = np.random.default_rng(1)
    latencies_s = draw.permuted(np.repeat([0.001, 0.001, 0.001, 0.005], 5000))
    begins_s = np.concatenate([[0.0], np.cumsum(latencies_s)[:-1]])
    segments = [
        Segment(Condition.BESIDE, 0, 0.05 * n, 0.05 * n + 0.045) for n in range(int(latencies_s.sum() / 0.05))
    ]
    found = conditions_of(begins_s, latencies_s, segments)
    kept = found == Condition.BESIDE
    assert np.mean(latencies_s[kept]) == pytest.approx(0.002, rel=0.015)
    assert np.count_nonzero(kept) > 0.75 * len(kept)


def test_no_inference_belongs_to_the_task_alone() -> None:
    alone = (Segment(Condition.TASK_ALONE, 0, 0.0, 1.0),)
    assert conditions_of(np.array([0.1]), np.array([0.2]), alone).tolist() == [Condition.GUARD]


def test_frames_that_a_switch_made_late_belong_to_no_condition() -> None:
    # One every 0.1 s; that of 1.4 takes until 1.75, and those after it wait.
    begins_s = np.linspace(1.2, 1.9, 8)
    ends_s = np.array([1.25, 1.35, 1.75, 1.79, 1.81, 1.83, 1.85, 1.95])
    found = conditions_of(begins_s, ends_s - begins_s, SEGMENTS, period_s=0.1)
    assert found.tolist() == [0, 0, 0, 0, 0, 0, 0, Condition.BESIDE]


def test_a_network_that_never_catches_up_gives_nothing() -> None:
    begins_s = np.linspace(1.4, 2.3, 10)
    found = conditions_of(begins_s, np.linspace(0.15, 0.5, 10), SEGMENTS, period_s=0.1)
    assert not found.any()


def test_few_slow_inferences_do_not_lose_all_of_a_segment() -> None:
    # One took nearly as long as the segment; those that began in the first two thirds count.
    segments = (Segment(Condition.ALONE, 0, 0.0, 1.0), Segment(Condition.ALONE, 1, 2.0, 3.0))
    begins_s, latencies_s = np.array([0.0, 2.0, 2.2, 2.4, 2.6, 2.8]), np.array([0.95, 0.2, 0.2, 0.2, 0.2, 0.2])
    found = conditions_of(begins_s, latencies_s, segments)
    assert found.tolist() == [Condition.ALONE] * 5 + [Condition.GUARD]


@pytest.mark.parametrize(
    ("inference_s", "period_s", "needed_s"),
    [(0.01, None, 0.0), (0.0, 0.02, 0.0), (0.01, 0.02, 1.0), (0.005, 0.02, 0.34), (0.1, 0.02, 4.0)],
)
def test_catching_up_takes_whole_periods(inference_s: float, period_s: float | None, needed_s: float) -> None:
    assert catch_up_s(Pace(1.0, 0.1), inference_s, period_s) == pytest.approx(needed_s)
