from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.rigs.tx1.course import Course, served

# Two in the first second, none in the second, four in the third.
COURSE = Course(np.array([0.0, 1.0, 2.0, 3.0]), np.array([2.0, 0.0, 4.0]))


def test_what_is_done_adds_up_and_stands_still_while_nothing_runs() -> None:
    assert COURSE.done.tolist() == [0, 2, 2, 6]
    assert COURSE.done_by(np.array([0.5, 1.5, 2.5])).tolist() == [1, 2, 4]


def test_an_end_that_is_not_reached_has_no_moment() -> None:
    found = COURSE.reached_s(np.array([1.0, 3.0, 6.0, 6.1]))
    assert found[:3].tolist() == [0.5, 2.25, 3.0] and np.isnan(found[3])


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=20), st.floats(0.01, 0.99))
def test_a_moment_and_what_is_done_by_then_belong_together(per_s: list[float], part: float) -> None:
    course = Course(np.arange(len(per_s) + 1.0), np.array(per_s))
    moment_s = part * len(per_s)
    assert course.reached_s(course.done_by(np.array([moment_s])))[0] == pytest.approx(moment_s)


def test_what_is_due_waits_for_what_is_under_way() -> None:
    even = Course(np.array([0.0, 10.0]), np.array([1.0]))
    begins_s, ends_s = served(even, np.array([1.0, 3.0, 1.0, 1.0]), np.array([0.0, 2.0, 4.0, 9.5]))
    assert begins_s.tolist() == [0, 2, 5, 9.5]
    assert ends_s[:3].tolist() == [1, 5, 6] and np.isnan(ends_s[3])


@given(st.lists(st.tuples(st.floats(0.1, 2), st.floats(0, 3)), min_size=1, max_size=20))
def test_the_unrolled_queue_is_the_queue(demands: list[tuple[float, float]]) -> None:
    course = Course(np.arange(101.0), np.resize([2.0, 0.5, 0.0, 1.0], 100))
    amounts, gaps_s = (np.array(each) for each in zip(*demands, strict=True))
    due_s = np.cumsum(gaps_s)
    _, ends_s = served(course, amounts, due_s)
    free_s = 0.0
    for amount, due, end_s in zip(amounts, due_s, ends_s, strict=True):
        free_s = float(course.reached_s(course.done_by(np.array([max(due, free_s)])) + amount)[0])
        if np.isnan(end_s):
            break
        assert end_s == pytest.approx(free_s)
