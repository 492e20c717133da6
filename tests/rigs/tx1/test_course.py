from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.rigs.tx1.course import Course

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
