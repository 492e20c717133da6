"""Throughput and efficiency over the batch: every value, the choice, and why something is not there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from colocate.model.purpose import Aim
from colocate.model.request import ClockPoint
from colocate.report.efficiency.figure import draw_efficiency
from colocate.report.efficiency.load import EfficiencyReport
from tests.report.drawn import CAPTION, save_one, texts, words_on
from tests.report.efficiency.settings import ROWS, report_for, rows


def drawn(report: EfficiencyReport) -> Figure:
    (found,) = report.trade_offs
    return draw_efficiency(found, report, CAPTION)


def points(figure: Figure) -> set[tuple[float, float]]:
    """Where anything stands in the panels, batch and value."""
    return {
        (round(float(x), 6), round(float(y), 6))
        for axes in figure.axes
        for line in axes.lines
        for x, y in zip(np.atleast_1d(line.get_xdata()), np.atleast_1d(line.get_ydata()), strict=True)
    }


def test_the_page_tells_its_choice_and_how_it_was_measured(tmp_path: Path) -> None:
    report = report_for(Aim(0.1))
    save_one(tmp_path, "efficiency", lambda: drawn(report))
    found = texts(tmp_path / "efficiency.svg")
    assert {"Throughput and efficiency of alexnet by batch", CAPTION.rig, "images/s", "images/s/W"} <= {*found}
    assert any("95 % intervals" in words and "1734/998.4 MHz (CPU/GPU)" in words for words in found)
    assert "Best for most images/s/W with a p99 latency of at most 100 ms" in " ".join(found)
    assert {"fp32", "fp16", "best", "default", "failed"} <= {*found}, "one runtime needs no name in the key"
    assert {"1", "8", "64"} <= {*found}


def test_every_value_stands_at_its_batch() -> None:
    found = points(drawn(report_for()))
    # 100 and 400 images/s at 5 W, and the batch that failed at the foot of both panels.
    assert {(1, 100.0), (8, 400.0), (1, 20.0), (8, 80.0), (64, 0.0)} <= found


def test_clock_points_have_each_a_row() -> None:
    slow = [
        dataclasses.replace(row, setting=dataclasses.replace(row.setting, clocks=ClockPoint(102_000_000, 76_800_000)))
        for row in ROWS
    ]
    found = words_on(drawn(report_for(of=(*ROWS, *slow))))
    assert {"1734/998.4 MHz (CPU/GPU)", "102/76.8 MHz (CPU/GPU)"} <= {*found}


def test_without_a_meter_one_panel_says_so() -> None:
    found = words_on(drawn(report_for(of=rows(watts=None))))
    assert found.count("power was not metered") == 1 and "best" in found
