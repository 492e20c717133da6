"""Heatmaps: what is drawn and where."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from colocate.model.cell import Interval
from colocate.model.containment import Containment
from colocate.model.request import ClockPoint
from colocate.report.drawing.colours import contrast, text_colour
from colocate.report.sweep.heatmap import _colours
from colocate.report.sweep.metrics import METRICS, Metric
from colocate.report.sweep.tiles import Tile, TileState
from tests.report.drawn import cell, draw_all, header, records_of, texts


def test_svg_holds_values_intervals_rig_and_circumstances_as_text(tmp_path: Path) -> None:
    draw_all(tmp_path, [cell()], records_of([cell()]), header("tx1-model", planned=9))
    for name in ("heatmap-slowdown-p50", "distributions"):
        found = "\n".join(texts(tmp_path / f"{name}.svg"))
        assert "MODEL of a Tegra X1, not a measurement" in found
        assert "5 repeats, windows of 2 s, unfinished: 1 of 9 trials done" in found
    tiles = set(texts(tmp_path / "heatmap-slowdown-p50.svg"))
    assert {"alexnet", "jpeg", "1.130", "[1.090, 1.170]", "latency beside the task / latency alone, p50"} <= tiles
    assert "12.3" in texts(tmp_path / "distributions.svg")


def test_clock_grid_has_ticks_in_mhz_and_a_tile_for_every_point(tmp_path: Path) -> None:
    points = [ClockPoint(c, g) for c in (102_000_000, 921_600_000) for g in (76_800_000, 998_400_000)]
    cells = [
        cell(network, clocks=point, slowdown_p50=Interval(1.1 + number / 100, 1.05, 1.5))
        for number, (network, point) in enumerate(itertools.product(("alexnet", "resnet152"), points))
    ]
    draw_all(tmp_path, cells[:-1], records_of(cells))
    found = texts(tmp_path / "heatmap-slowdown-p50.svg")
    # CPU clocks beside each network's panel, GPU clocks under the page's last.
    assert [found.count(tick) for tick in ("102", "921.6", "76.8", "998.4")] == [2, 2, 1, 1]
    assert [f"1.{10 + number}0" in found for number in range(8)] == [True] * 7 + [False]
    assert "not measured" in found
    assert any("at the highest clocks, 921.6/998.4 MHz" in text for text in texts(tmp_path / "distributions.svg"))


def test_placements_stand_side_by_side_and_qualities_are_named_where_they_differ(tmp_path: Path) -> None:
    cells = [
        cell(placement=placement, precision=precision)
        for placement in ("isolated", "shared")
        for precision in ("fp16", "fp32")
    ]
    draw_all(tmp_path, cells, records_of(cells))
    found = texts(tmp_path / "heatmap-slowdown-p50.svg")
    assert [found.count(word) for word in ("isolated", "shared", "fp16", "fp32", "1.130")] == [1, 1, 1, 1, 4]
    assert any("batch 1" in text for text in found if "windows" in text)


def test_many_tasks_go_on_pages_that_say_which_they_are(tmp_path: Path) -> None:
    draw_all(tmp_path, [cell(task=f"t{number}") for number in range(30)])
    found = [texts(tmp_path / f"heatmap-slowdown-p50{page}.svg") for page in ("", "+2", "+3")]
    assert [sum(words.count(each) for words in found) for each in ("1.130", "[1.090, 1.170]")] == [30, 30]
    for number, words in enumerate(found, 1):
        assert any(each.endswith(f" ({number} of {len(found)})") for each in words)


@pytest.mark.parametrize("slowdown", [1.0 + 1e-12, 1.05, 3.0, 40.0, 5e6])
def test_any_range_of_slowdowns_can_be_drawn(tmp_path: Path, slowdown: float) -> None:
    own = cell(
        slowdown_p50=Interval(slowdown, slowdown - 1e-13, slowdown * 1e9),
        work_loss_ratio=Interval(-0.004, None, None),
        power_w=0.0,
    )
    assert len(draw_all(tmp_path, [own])) == 6


def test_a_study_of_containments_has_pages_with_these_as_columns(tmp_path: Path) -> None:
    cells = [
        cell(task=task, containment=containment, placement=placement, slowdown_mean=Interval(1.13, 1.09, 1.17))
        for placement in ("isolated", "shared")
        for task in ("bitcount", "jpeg")
        for containment in (None, Containment(idle=True), Containment(weight=10))
    ]
    draw_all(tmp_path, cells, records_of(cells))
    found = texts(tmp_path / "containment-slowdown-mean.svg")
    assert "Slowdown of the mean latency beside each task, by containment" in found
    words = ("isolated", "shared", "bitcount", "jpeg", "none", "idle", "weight=10", "1.130")
    assert [found.count(word) for word in words] == [1, 1, 1, 1, 2, 2, 2, 12]
    # The other pages name the containment of each task.
    found = texts(tmp_path / "heatmap-slowdown-p50.svg")
    assert [found.count(word) for word in ("bitcount", "idle", "weight=10", "none")] == [6, 4, 4, 0]
    assert "jpeg (weight=10)" in texts(tmp_path / "distributions.svg")


def test_a_study_of_one_containment_has_no_page_of_it(tmp_path: Path) -> None:
    idle = cell(containment=Containment(idle=True), slowdown_mean=Interval(1.13, 1.09, 1.17))
    names = {path.stem for path in draw_all(tmp_path, [idle], records_of([idle]))}
    assert "heatmap-slowdown-mean" in names and not any(name.startswith("containment") for name in names)
    assert any("containment idle" in text for text in texts(tmp_path / "heatmap-slowdown-mean.svg"))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_what_is_written_on_a_colour_stands_out_from_it(metric: Metric) -> None:
    tiles = [Tile(TileState.COLOURED, value, "") for value in (0.01, 1.0, 1.5, 30.0)]
    norm, colours = _colours(metric, tiles)
    for value in np.geomspace(0.01, 30.0, 60):
        face = to_rgb(colours(norm(value)))
        assert contrast(to_rgb(text_colour(face)), face) >= 7
