from __future__ import annotations

from colocate.model.cause import Cause, ExtraTime


def test_the_largest_part_is_the_one_that_explains_most() -> None:
    found = ExtraTime(3.0, ((Cause.PREEMPTED, 1.0), (Cause.CLOCK, 1.5), (Cause.UNKNOWN, 0.5)))
    assert found.largest == (Cause.CLOCK, 1.5)
