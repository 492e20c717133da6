"""Figures in files: as PNG and SVG, the same bytes from the same run, and any name as it is."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from colocate.model.cell import Interval
from tests.report.drawn import cell, draw_all, records_of, save_pages, texts


def test_each_figure_is_written_as_png_and_svg(tmp_path: Path) -> None:
    cells = [cell(task="none", slowdown_p50=None), cell(power_w=8.1, slowdown_p99=Interval(1.4, 1.2, 1.6))]
    paths = draw_all(tmp_path / "figures", cells, records_of(cells))
    names = {"heatmap-slowdown-p50", "heatmap-slowdown-p99", "heatmap-power", "distributions"}
    assert {path.name for path in paths} == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert set((tmp_path / "figures").iterdir()) == set(paths)
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                grey = np.asarray(image.convert("L"))
            assert grey.min() < 60 and grey.max() == 255


def test_same_run_gives_same_bytes_whatever_the_users_settings(tmp_path: Path) -> None:
    cells = [
        cell(task="none", slowdown_p50=None),
        cell(),
        cell(task="b", slowdown_p50=Interval(1.0, 0.9, 1.1)),
    ]
    first = draw_all(tmp_path / "first", cells, records_of(cells))
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "path", "savefig.dpi": 33, "axes.facecolor": "red"}):
        second = draw_all(tmp_path / "second", cells, records_of(cells))
        assert matplotlib.rcParams["font.size"] == 20
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "$x_1^2$", "a_b & \\alpha", "$", "模型"])
def test_nasty_names_are_plain_text(tmp_path: Path, name: str) -> None:
    cells = [cell(network=name, task="none", slowdown_p50=None), cell(network=name, task=name)]
    for path in draw_all(tmp_path, cells, records_of(cells)):
        if path.suffix == ".svg":
            assert texts(path).count(name) == 2
            assert "<script>" not in path.read_text(encoding="utf-8")


def test_control_characters_leave_the_svg_well_formed(tmp_path: Path) -> None:
    draw_all(tmp_path, [cell(task="x\x1b[31m\n\udcff")])
    assert "x\\x1b[31m \\udcff" in texts(tmp_path / "heatmap-slowdown-p50.svg")


def test_a_metric_without_values_is_not_drawn_and_its_old_file_goes(tmp_path: Path) -> None:
    draw_all(tmp_path, [cell(power_w=8.0)])
    assert (tmp_path / "heatmap-power.svg").exists()
    (tmp_path / "heatmap-mine.svg").write_text("the user's own", encoding="utf-8")
    paths = draw_all(tmp_path, [cell()])
    assert {path.name for path in paths} == {"heatmap-slowdown-p50.png", "heatmap-slowdown-p50.svg"}
    assert set(tmp_path.iterdir()) == {*paths, tmp_path / "heatmap-mine.svg"}


def test_a_run_without_cells_draws_nothing(tmp_path: Path) -> None:
    assert draw_all(tmp_path / "figures", []) == ()


def test_pages_are_numbered_and_those_of_an_earlier_report_go(tmp_path: Path) -> None:
    def saved(pages: int, name: str = "own") -> set[str]:
        return {path.name for path in save_pages(tmp_path, name, lambda: [Figure() for _ in range(pages)])}

    assert saved(1, "own-2") == {"own-2.png", "own-2.svg"}
    assert saved(3) == {f"own{page}.{kind}" for page in ("", "+2", "+3") for kind in ("png", "svg")}
    assert saved(1) == {"own.png", "own.svg"}
    assert {path.name for path in tmp_path.iterdir()} == {"own-2.png", "own-2.svg", "own.png", "own.svg"}
    assert saved(0) == set() and len(list(tmp_path.iterdir())) == 2
