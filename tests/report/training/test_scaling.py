"""Speed-up and energy over devices."""

from __future__ import annotations

import pytest

from colocate.report.training.scaling import draw_scaling
from tests.report.drawn import CAPTION
from tests.report.training.settings import report_of, run_of


def test_each_batch_is_a_line_from_one_device_on() -> None:
    report = report_of(run_of())
    (figure,) = draw_scaling(report.choices[0], report, CAPTION)
    speed, energy = figure.axes
    lines = [line.get_xydata().tolist() for line in speed.lines if len(line.get_xdata()) == 2]  # type: ignore[union-attr,arg-type]
    assert [[1, 1], [2, pytest.approx(10 / 7)]] in lines and [[1, 1], [2, pytest.approx(15 / 9)]] in lines
    assert energy.get_ylim()[0] == 0


def test_without_meters_speed_is_shown_all_the_same() -> None:
    report = report_of(run_of(watts=None))
    assert len(draw_scaling(report.choices[0], report, CAPTION)) == 1
