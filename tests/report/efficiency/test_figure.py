"""Throughput and efficiency over the batch: every value, the choice, and why something is not there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from colocate.model.purpose import Aim, LatencyStatistic
from colocate.model.request import ClockPoint
from colocate.report.drawing.paper import PAGE_IN
from colocate.report.efficiency.figure import draw_efficiency
from colocate.report.efficiency.load import EfficiencyReport
from colocate.study.efficiency import Efficiency
from tests.report.drawn import CAPTION, save_one, texts, words_on
from tests.report.efficiency.settings import ROWS, report_for, rows


def pages(report: EfficiencyReport) -> list[Figure]:
    (found,) = report.trade_offs
    return draw_efficiency(found, report, CAPTION)


def drawn(report: EfficiencyReport) -> Figure:
    (figure,) = pages(report)
    return figure


def at(*clocks: tuple[int, int]) -> tuple[Efficiency, ...]:
    """The rows at these clocks of CPU and GPU in MHz too."""
    points = [ClockPoint(cpu * 10**6, gpu * 10**6) for cpu, gpu in clocks]
    return tuple(
        dataclasses.replace(row, setting=dataclasses.replace(row.setting, clocks=point))
        for point in points
        for row in ROWS
    )


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
    title = "Throughput, efficiency and latency of alexnet by batch"
    assert {title, CAPTION.rig, "images/s", "images/s/W", "p99 latency, ms"} <= {*found}


def test_every_value_stands_at_its_batch() -> None:
    found = points(drawn(report_for()))
    # 100 and 400 images/s at 5 W, and the batch that failed at the foot of every panel.
    assert {(1, 100.0), (8, 400.0), (1, 20.0), (8, 80.0), (64, 0.0)} <= found
    latencies_ms = {(row.setting.inference.batch, round(1e3 * row.p99_s.value, 6)) for row in ROWS if row.p99_s}
    assert len(latencies_ms) == 2 and latencies_ms <= found


@pytest.mark.parametrize(("quantile", "name"), [("p50_s", "p50"), ("p95_s", "p95"), ("p99_s", "p99")])
def test_the_latency_is_that_of_the_limit_which_is_a_line(quantile: LatencyStatistic, name: str) -> None:
    figure = drawn(report_for(Aim(0.0155, quantile=quantile)))
    assert {f"{name} latency, ms", "limit, 15.5 ms"} <= {*words_on(figure)}
    (panel,) = [axes for axes in figure.axes if axes.get_yscale() == "log"]
    assert any(set(np.atleast_1d(line.get_ydata())) == {15.5} for line in panel.lines)
    assert panel.get_ylim()[0] < 10 and panel.get_ylim()[1] > 20
    assert not any("limit, " in words for words in words_on(drawn(report_for())))


def test_a_latency_that_is_not_known_leaves_its_panel_empty() -> None:
    assert "too few samples" in words_on(drawn(report_for(Aim(0.1), rows(n=20))))


def test_a_board_of_nine_clock_points_has_pages_no_higher_than_paper() -> None:
    points = [(cpu, gpu) for cpu in (102, 921, 1734) for gpu in (76, 537, 998)]
    figures = pages(report_for(of=at(*points)))
    assert len(figures) == 3 and all(figure.get_figheight() <= PAGE_IN for figure in figures)
    said = [words for figure in figures for words in words_on(figure) if words.endswith("MHz (CPU/GPU)")]
    assert said == [f"{cpu}/{gpu} MHz (CPU/GPU)" for cpu, gpu in points], "each once, in order"


def test_clock_points_have_each_a_row() -> None:
    found = words_on(drawn(report_for(of=(*ROWS, *at((102, 76))))))
    assert {"1734/998.4 MHz (CPU/GPU)", "102/76 MHz (CPU/GPU)"} <= {*found}


def test_without_a_meter_one_panel_says_so() -> None:
    found = words_on(drawn(report_for(of=rows(watts=None))))
    assert found.count("power was not metered") == 1 and "best" in found
