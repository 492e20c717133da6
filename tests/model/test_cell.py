from __future__ import annotations

import pytest

from colocate.model.cell import Interval


@pytest.mark.parametrize(
    ("interval", "excludes"),
    [
        (Interval(1.1, 1.05, 1.2), True),
        (Interval(0.9, 0.8, 0.95), True),
        (Interval(1.1, 0.9, 1.2), False),
        (Interval(1.1, 1.0, 1.2), False),
        (Interval(0.9, 0.8, 1.0), False),
        # What is not known excludes nothing.
        (Interval(1.1, None, None), False),
        (Interval(1.1, 1.05, None), False),
        (Interval(1.1, None, 1.2), False),
    ],
)
def test_an_interval_excludes_what_lies_beyond_its_ends(interval: Interval, excludes: bool) -> None:
    assert interval.excludes(1.0) is excludes
