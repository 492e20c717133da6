"""The figures of a run: what is drawn, what is written in it, and that it stays the same."""

from __future__ import annotations

import dataclasses
import itertools
import math
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from PIL import Image

from colocate.model.cell import Cell, Interval
from colocate.model.machine import HostFacts
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import Trial, TrialRecord
from colocate.report.drawing.paper import contrast, round_ticks, text_colour
from colocate.report.sweep.metrics import METRICS
from colocate.report.sweep.tiles import TileState, notes_on, tile_of
from colocate.report.text.labels import network_label, plain, shortened
from colocate.report.text.numbers import ratio_text, ratio_texts, three_digits
from colocate.report.write import write_figures
from colocate.store import Header

P50, _, P99, POWER, _, WORK_LOSS = METRICS
NATIVE = ClockPoint()


BASE = Cell(
    inference=Inference("alexnet", "onnxruntime"), task="jpeg", placement="isolated",
    clocks=NATIVE, n=1500, blocks=5, p50_s=0.0123, slowdown_p50=Interval(1.13, 1.09, 1.17),
)  # fmt: skip


def cell(network: str = "alexnet", **values: Any) -> Cell:
    settings = {key: values.pop(key) for key in ("precision", "batch", "graph") if key in values}
    return dataclasses.replace(
        BASE, inference=dataclasses.replace(BASE.inference, network=network, **settings), **values
    )


def records_of(cells: Sequence[Cell], n: int = 40) -> list[TrialRecord]:
    random = np.random.default_rng(1)
    return [
        TrialRecord(
            Trial(
                str(number), 0, 0, own.inference,
                None if own.task == "none" else Task(own.task), own.clocks,
                Placement(own.placement, (0,), (1,), (1,)), 0.3, 0.2, 2.0,
            ),
            0.0, 2.0, np.linspace(0.0, 2.0, n), 0.012 + random.exponential(0.001, n),
        )
        for number, own in enumerate(cells)
    ]  # fmt: skip


def header(rig: str = "host", planned: int = 0) -> Header:
    facts = HostFacts(
        rig=rig, machine_id="m", architecture="x86_64", cpu_model="Acme Nine 9000", cpus=(0, 1),
        last_level_cache_bytes=None, kernel="6", confinement="none",
    )  # fmt: skip
    spec = SweepSpec((Inference("alexnet"),), (Task("jpeg"),), rig=rig)
    return Header(request={}, spec=spec, facts=facts, networks={}, provenance={}, planned=planned)


def texts(svg: Path) -> list[str]:
    """Every text of an SVG, as a reader of the XML sees it."""
    root = ElementTree.parse(svg).getroot()
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_each_figure_is_written_as_png_and_svg(tmp_path: Path) -> None:
    cells = [cell(task="none", slowdown_p50=None), cell(power_w=8.1, slowdown_p99=Interval(1.4, 1.2, 1.6))]
    paths = write_figures(tmp_path / "figures", header(), cells, records_of(cells))
    names = {"heatmap-slowdown-p50", "heatmap-slowdown-p99", "heatmap-power", "distributions"}
    assert {path.name for path in paths} == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    assert set((tmp_path / "figures").iterdir()) == set(paths)
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                grey = np.asarray(image.convert("L"))
            assert grey.min() < 60 and grey.max() == 255


def test_svg_holds_values_intervals_rig_and_circumstances_as_text(tmp_path: Path) -> None:
    write_figures(tmp_path, header("tx1-model", planned=9), [cell()], records_of([cell()]))
    for name in ("heatmap-slowdown-p50", "distributions"):
        found = "\n".join(texts(tmp_path / f"{name}.svg"))
        assert "MODEL of a Tegra X1, not a measurement" in found
        assert "5 blocks, windows of 2 s, unfinished: 1 of 9 trials" in found
    tiles = set(texts(tmp_path / "heatmap-slowdown-p50.svg"))
    assert {"alexnet", "jpeg", "1.13", "[1.09, 1.17]", "latency beside the task / latency alone, p50"} <= tiles
    assert "12.3" in texts(tmp_path / "distributions.svg")


def test_windows_are_told_as_long_as_they_were(tmp_path: Path) -> None:
    short, long = (
        dataclasses.replace(record, elapsed_s=s) for record in records_of([cell()]) for s in (2.04, 1286.4)
    )
    write_figures(tmp_path, header("tx1-model"), [cell()], [short, long])
    assert "windows of 2 to 1286 s" in "\n".join(texts(tmp_path / "heatmap-slowdown-p50.svg"))


def test_a_machine_is_named_by_its_processor(tmp_path: Path) -> None:
    write_figures(tmp_path, header("host"), [cell()], [])
    assert "host: Acme Nine 9000" in texts(tmp_path / "heatmap-slowdown-p50.svg")


def test_same_run_gives_same_bytes_whatever_the_users_settings(tmp_path: Path) -> None:
    cells = [
        cell(task="none", slowdown_p50=None),
        cell(),
        cell(task="b", slowdown_p50=Interval(1.0, 0.9, 1.1)),
    ]
    first = write_figures(tmp_path / "first", header(), cells, records_of(cells))
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "path", "savefig.dpi": 33, "axes.facecolor": "red"}):
        second = write_figures(tmp_path / "second", header(), cells, records_of(cells))
        assert matplotlib.rcParams["font.size"] == 20
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "$x_1^2$", "a_b & \\alpha", "$", "模型"])
def test_nasty_names_are_plain_text(tmp_path: Path, name: str) -> None:
    cells = [cell(network=name, task="none", slowdown_p50=None), cell(network=name, task=name)]
    for path in write_figures(tmp_path, header(), cells, records_of(cells)):
        if path.suffix == ".svg":
            assert texts(path).count(name) == 2
            assert "<script>" not in path.read_text(encoding="utf-8")


def test_control_characters_leave_the_svg_well_formed(tmp_path: Path) -> None:
    write_figures(tmp_path, header(), [cell(task="x\x1b[31m\n\udcff")], [])
    assert "x�[31m �" in texts(tmp_path / "heatmap-slowdown-p50.svg")


def test_not_significant_marks_stand_at_the_right_cells(tmp_path: Path) -> None:
    cells = [
        cell(task="costs", slowdown_p50=Interval(1.31, 1.002, 1.6)),
        cell(task="may cost", slowdown_p50=Interval(1.32, 0.998, 1.7)),
        cell(task="helps", slowdown_p50=Interval(0.93, 0.9, 0.96)),
        cell(task="one block", slowdown_p50=Interval(1.34, None, None)),
        cell(task="lost", slowdown_p50=None, warnings=(QualityFlag.TRIALS_FAILED,)),
    ]
    found = [tile_of(P50, own) for own in cells]
    assert [tile.standing for tile in found] == [
        TileState.COLOURED, TileState.NOT_SIGNIFICANT, TileState.BELOW_SCALE, TileState.COLOURED, TileState.ABSENT,
    ]  # fmt: skip
    assert [tile.words for tile in found] == ["1.310", "1.320 n.s.", "▼ 0.93", "1.34", "-"]
    assert [tile.interval for tile in found][:2] == ["[1.002, 1.600]", "[0.998, 1.700]"]
    write_figures(tmp_path, header(), cells, [])
    svg = tmp_path / "heatmap-slowdown-p50.svg"
    assert [text for text in texts(svg) if text.endswith("n.s.")] == ["1.320 n.s.", "n.s."]
    # One hatched tile, and one in the key.
    assert svg.read_text(encoding="utf-8").count("fill: url(#") == 2


def test_a_page_without_marks_has_no_key_to_them() -> None:
    assert notes_on(P50, [cell()]) == []


def test_the_key_says_why_a_value_is_absent() -> None:
    short = cell(slowdown_p99=None, warnings=(QualityFlag.TOO_FEW_SAMPLES, QualityFlag.OTHER_LOAD))
    (note,) = notes_on(P99, [short])
    assert note.symbol == "-" and note.meaning.startswith("too few samples: lengthen --window")
    (note,) = notes_on(P50, [None])
    assert note.meaning == "not measured"
    # A window too short for a p99 says nothing about a missing power meter.
    (note,) = notes_on(POWER, [short])
    assert note.meaning == "not measured"


def test_a_doubtful_value_carries_an_asterisk_with_its_remedy() -> None:
    doubtful = cell(warnings=(QualityFlag.CPU_TIME_STOLEN,))
    assert tile_of(P50, doubtful).words == "1.13 *"
    (note,) = notes_on(P50, [doubtful])
    assert (note.symbol, note.meaning.split(":")[0]) == ("*", "cpu time stolen")


def test_a_metric_without_values_is_not_drawn_and_its_old_file_goes(tmp_path: Path) -> None:
    write_figures(tmp_path, header(), [cell(power_w=8.0)], [])
    assert (tmp_path / "heatmap-power.svg").exists()
    (tmp_path / "heatmap-mine.svg").write_text("the user's own", encoding="utf-8")
    paths = write_figures(tmp_path, header(), [cell()], [])
    assert {path.name for path in paths} == {"heatmap-slowdown-p50.png", "heatmap-slowdown-p50.svg"}
    assert set(tmp_path.iterdir()) == {*paths, tmp_path / "heatmap-mine.svg"}


def test_a_run_without_cells_draws_nothing(tmp_path: Path) -> None:
    assert write_figures(tmp_path / "figures", header(), [], []) == ()


def test_clock_grid_has_ticks_in_mhz_and_a_tile_for_every_point(tmp_path: Path) -> None:
    points = [ClockPoint(c, g) for c in (102_000_000, 921_600_000) for g in (76_800_000, 998_400_000)]
    cells = [
        cell(network, clocks=point, slowdown_p50=Interval(1.1 + number / 100, 1.05, 1.5))
        for number, (network, point) in enumerate(itertools.product(("alexnet", "resnet152"), points))
    ]
    write_figures(tmp_path, header(), cells[:-1], records_of(cells))
    found = texts(tmp_path / "heatmap-slowdown-p50.svg")
    # CPU clocks beside each network's panel, GPU clocks under the page's last.
    assert [found.count(tick) for tick in ("102", "921.6", "76.8", "998.4")] == [2, 2, 1, 1]
    assert [f"1.{10 + number}" in found for number in range(8)] == [True] * 7 + [False]
    assert "not measured" in found
    assert any("at the highest clocks, 921.6/998.4 MHz" in text for text in texts(tmp_path / "distributions.svg"))


def test_placements_stand_side_by_side_and_qualities_are_named_where_they_differ(tmp_path: Path) -> None:
    cells = [
        cell(placement=placement, precision=precision)
        for placement in ("isolated", "shared")
        for precision in ("fp16", "fp32")
    ]
    write_figures(tmp_path, header(), cells, records_of(cells))
    found = texts(tmp_path / "heatmap-slowdown-p50.svg")
    assert [found.count(word) for word in ("isolated", "shared", "fp16", "fp32", "1.13")] == [1, 1, 1, 1, 4]
    assert any("batch 1" in text for text in found if "windows" in text)


def test_a_crowded_page_shows_values_alone(tmp_path: Path) -> None:
    write_figures(tmp_path, header(), [cell(task=f"t{number}") for number in range(30)], [])
    found = texts(tmp_path / "heatmap-slowdown-p50.svg")
    assert found.count("1.13") == 30 and "[1.09, 1.17]" not in found


@pytest.mark.parametrize("slowdown", [1.0 + 1e-12, 1.05, 3.0, 40.0, 5e6])
def test_any_range_of_slowdowns_can_be_drawn(tmp_path: Path, slowdown: float) -> None:
    own = cell(slowdown_p50=Interval(slowdown, slowdown - 1e-13, slowdown * 1e9), work_loss_ratio=-0.004, power_w=0.0)
    assert len(write_figures(tmp_path, header(), [own], [])) == 6


@pytest.mark.parametrize("n", [1, 2, 30, 100_000])
def test_distributions_of_any_size(tmp_path: Path, n: int) -> None:
    cells = [cell(task="none", slowdown_p50=None), cell(p99_s=0.016 if n > 500 else None)]
    constant, spread = records_of(cells, n)
    constant = dataclasses.replace(constant, latencies_s=np.full(n, 0.0123))
    write_figures(tmp_path, header(), cells, [constant, spread])
    found = texts(tmp_path / "distributions.svg")
    assert found.count(str(n)) == 2 and ("16.0" in found) == (n > 500)
    # Dots that fall on one another are drawn once: the size does not grow with n.
    assert (tmp_path / "distributions.svg").stat().st_size < 400_000


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_text_stands_out_on_every_colour(background: tuple[float, float, float]) -> None:
    assert contrast(to_rgb(text_colour(background)), background) >= 4.5


def test_contrast_of_known_colours() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    # The grey that just misses AA on white.
    assert contrast(to_rgb("#777777"), (1, 1, 1)) == pytest.approx(4.48, abs=0.01)


@given(st.text(max_size=80))
def test_shortened_names_fit_and_keep_both_ends(name: str) -> None:
    short = shortened(name)
    assert len(short) <= 26
    assert all(c.isprintable() for c in short)
    if short != plain(name):
        head, tail = short.split("…", 1) if plain(name).count("…") == 0 else ("", "")
        assert plain(name).startswith(head) and plain(name).endswith(tail)


@given(st.floats(1e-6, 1e6), st.floats(1.02, 1e6), st.booleans())
def test_ticks_lie_inside_and_are_few(lo: float, ratio: float, logarithmic: bool) -> None:
    ticks = round_ticks(lo, lo * ratio, logarithmic)
    slack = 1e-6 * lo * ratio
    assert 1 <= len(ticks) <= 14
    assert all(lo - slack <= tick <= lo * ratio + slack for tick in ticks)


@given(st.floats(1e-4, 9e5))
def test_three_digits_are_true_and_plain(value: float) -> None:
    words = three_digits(value)
    assert "e" not in words and math.isclose(float(words), value, rel_tol=0.006)


def test_numbers_for_people() -> None:
    assert [three_digits(value) for value in (0.0, 0.01234, 8.1, 120.4, 1234.0)] == [
        "0.00",
        "0.0123",
        "8.10",
        "120",
        "1234",
    ]
    assert [ratio_text(value) for value in (0.998, 1.13, 12.34, 2.2e9)] == ["1.00", "1.13", "12.3", "2e+09"]
    assert WORK_LOSS.text(-0.004) == "0 %"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((1.13, 1.09, 1.17), ["1.13", "1.09", "1.17"]),
        ((1.0026, 1.0012, 1.0041), ["1.003", "1.001", "1.004"]),
        ((0.9993, 0.9988, 0.9998), ["0.9993", "0.9988", "0.9998"]),
        ((1.0, 0.98, 1.02), ["1.000", "0.980", "1.020"]),
        ((1.0001, 0.9984, 1.0018), ["1.000", "0.998", "1.002"]),
        ((9.5, 0.996, 12.34), ["9.500", "0.996", "12.3"]),
        ((1.00001, 1.00001, 1.00002), ["1.0000", "1.0000", "1.0000"]),
    ],
)
def test_an_estimate_and_its_interval_have_the_same_decimals(
    values: tuple[float, float, float], words: list[str]
) -> None:
    assert ratio_texts(values) == words


@given(st.floats(0.5, 2.0), st.floats(1e-4, 0.1), st.floats(1e-4, 0.1))
def test_no_estimate_lies_outside_its_interval_as_shown(value: float, below: float, above: float) -> None:
    tile = tile_of(P50, cell(slowdown_p50=Interval(value, value - below, value + above)))
    lo, hi = map(float, tile.interval.strip("[]").split(", "))
    assert lo <= float(tile.words.removeprefix("▼ ").removesuffix(" n.s.")) <= hi


@pytest.mark.parametrize("loss", [-0.004, 0.0, 0.004])
def test_no_work_lost_is_neither_coloured_nor_below_the_scale(tmp_path: Path, loss: float) -> None:
    tile = tile_of(WORK_LOSS, cell(work_loss_ratio=loss))
    assert (tile.standing, tile.words) == (TileState.NOTHING, "0 %")
    assert tile_of(WORK_LOSS, cell(work_loss_ratio=-0.02)).words == "▼ -2 %"
    assert tile_of(WORK_LOSS, cell(work_loss_ratio=0.02)).standing is TileState.COLOURED
    write_figures(tmp_path, header(), [cell(work_loss_ratio=loss)], [])
    assert "▼" not in "".join(texts(tmp_path / "heatmap-work-loss.svg"))


def test_a_file_is_called_by_its_own_name_where_no_other_is() -> None:
    among = [Inference(name) for name in ("alexnet", "/far/away/detector.onnx", "/a/net.onnx", "/b/net.onnx")]
    labels = [network_label(each.network, among) for each in among]
    assert labels == ["alexnet", "detector", "/a/net.onnx", "/b/net.onnx"]
    assert network_label("/x/alexnet.onnx", [Inference("alexnet"), Inference("/x/alexnet.onnx")]) == "/x/alexnet.onnx"
