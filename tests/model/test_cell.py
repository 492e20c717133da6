from __future__ import annotations

import pytest

from colocate.model.cell import Cell, Interval
from colocate.model.limits import STATISTICS
from colocate.model.request import ClockPoint, Inference


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


def test_a_latency_and_a_slowdown_are_found_by_the_name_of_the_statistic() -> None:
    p50, p95, p99, mean = (Interval(value, None, None) for value in (1.1, 1.2, 1.3, 1.4))
    cell = Cell(
        Inference("alexnet"), "jpeg", "shared", ClockPoint(), n=10, blocks=2, p50_s=0.01, p95_s=0.02,
        slowdown_p50=p50, slowdown_p95=p95, slowdown_p99=p99, slowdown_mean=mean,
    )  # fmt: skip
    assert [cell.slowdown(statistic) for statistic in STATISTICS] == [p50, p95, p99, mean]
    assert [cell.latency_s(statistic) for statistic in STATISTICS] == [0.01, 0.02, None, None]
