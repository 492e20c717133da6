"""Causes in words."""

from __future__ import annotations

import pytest

from colocate.model.cause import Cause, ExtraTime
from colocate.model.containment import Containment
from colocate.report.text.causes import cause_lines, cause_short, cause_words, parts_words
from tests.report.drawn import cell

WAIT = ExtraTime(0.45e-3, ((Cause.LAUNCH_WAIT, 0.44e-3), (Cause.UNKNOWN, 0.01e-3)))


def test_the_largest_part_is_named_with_its_numbers_and_a_remedy() -> None:
    assert cause_short(WAIT) == "launch wait 98 %"
    assert cause_words(WAIT) == (
        "the launch thread waited 0.440 ms of 0.450 ms: contain the task (--containment idle) or give it other CPUs"
    )
    assert parts_words(WAIT) == "launch wait 0.440 ms, unknown 0.0100 ms"
    assert cause_short(None) == ""


def test_launches_are_told_where_they_are_known_and_matter() -> None:
    told = "; a CUDA graph would need 1 launch instead of 62"
    assert cause_words(ExtraTime(1e-3, ((Cause.PREEMPTED, 1e-3),), launches=62)).endswith(told)
    assert told not in cause_words(ExtraTime(1e-3, ((Cause.QUOTA, 1e-3),), launches=62))


def test_parts_that_came_to_more_than_the_whole_say_so() -> None:
    assert "(1.20 ms were counted)" in cause_words(ExtraTime(1e-3, ((Cause.PREEMPTED, 1e-3),), beyond_s=0.2e-3))
    assert "counted" not in cause_words(ExtraTime(1e-3, ((Cause.PREEMPTED, 1e-3),), beyond_s=0.01e-3))


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_one_remedy(cause: Cause) -> None:
    said, _, remedy = cause_words(ExtraTime(2e-3, ((cause, 1e-3),))).partition(": ")
    assert "1.00 ms of 2.00 ms" in said and remedy


def test_of_each_cause_the_worst_cell_is_told() -> None:
    worse = ExtraTime(1e-3, ((Cause.LAUNCH_WAIT, 0.9e-3),))
    quota = ExtraTime(1e-3, ((Cause.QUOTA, 1e-3),))
    lines = cause_lines(
        [
            cell(extra_time=WAIT),
            cell(task="fft", extra_time=worse, containment=Containment(weight=10)),
            cell(task="sha", extra_time=quota),
            cell(task="none"),
        ]
    )
    assert [line.partition(":")[0] for line in lines] == [
        "alexnet beside fft (weight=10), isolated",
        "alexnet beside sha, isolated",
    ]
