"""One cell of a heatmap: what it says, and how sure that is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Interval
from colocate.model.quality import QualityFlag
from colocate.report.sweep.metrics import METRICS
from colocate.report.sweep.tiles import TileState, notes_on, tile_of
from tests.report.drawn import cell, draw_all, texts

P50, _, P99, POWER, _, WORK_LOSS = METRICS


def test_not_significant_marks_stand_at_the_right_cells(tmp_path: Path) -> None:
    cells = [
        cell(task="costs", slowdown_p50=Interval(1.31, 1.002, 1.6)),
        cell(task="may cost", slowdown_p50=Interval(1.32, 0.998, 1.7)),
        cell(task="helps", slowdown_p50=Interval(0.93, 0.9, 0.96)),
        cell(task="one block", slowdown_p50=Interval(1.34, None, None)),
        cell(task="lost", slowdown_p50=None, warnings=(QualityFlag.TRIALS_FAILED,)),
    ]
    found = [tile_of(P50, own) for own in cells]
    assert [tile.state for tile in found] == [
        TileState.COLOURED, TileState.NOT_SIGNIFICANT, TileState.BELOW_SCALE, TileState.COLOURED, TileState.ABSENT,
    ]  # fmt: skip
    assert [tile.words for tile in found] == ["1.310", "1.320 n.s.", "▼ 0.930", "1.340", "-"]
    assert [tile.interval for tile in found][:2] == ["[1.002, 1.600]", "[0.998, 1.700]"]
    draw_all(tmp_path, cells)
    svg = tmp_path / "heatmap-slowdown-p50.svg"
    assert [text for text in texts(svg) if text.endswith("n.s.")] == ["1.320 n.s.", "n.s."]
    # One hatched tile, and one in the key.
    assert svg.read_text(encoding="utf-8").count("fill: url(#") == 2


def test_a_page_without_marks_has_no_key_to_them() -> None:
    assert notes_on(P50, [cell()]) == []


def test_the_key_says_why_a_value_is_absent() -> None:
    short = cell(slowdown_p99=None, warnings=(QualityFlag.TOO_FEW_FOR_P99, QualityFlag.OTHER_LOAD))
    (note,) = notes_on(P99, [short])
    assert note.symbol == "-" and note.meaning.startswith(
        "too few samples for p99: a p99 needs 368 independent latencies"
    )
    (note,) = notes_on(P50, [None])
    assert note.meaning == "not measured"
    # A window too short for a p99 says nothing about a missing power meter.
    (note,) = notes_on(POWER, [short])
    assert note.meaning == "not measured"


def test_a_value_with_a_warning_carries_an_asterisk_with_its_remedy() -> None:
    flagged = cell(warnings=(QualityFlag.CPU_TIME_STOLEN,))
    assert tile_of(P50, flagged).words == "1.130 *"
    (note,) = notes_on(P50, [flagged])
    assert (note.symbol, note.meaning.split(":")[0]) == ("*", "cpu time stolen")


@given(st.floats(0.5, 2.0), st.floats(1e-4, 0.1), st.floats(1e-4, 0.1))
def test_no_estimate_lies_outside_its_interval_as_shown(value: float, below: float, above: float) -> None:
    tile = tile_of(P50, cell(slowdown_p50=Interval(value, value - below, value + above)))
    lo, hi = map(float, tile.interval.strip("[]").split(", "))
    assert lo <= float(tile.words.removeprefix("▼ ").removesuffix(" n.s.")) <= hi


@pytest.mark.parametrize("loss", [-0.004, 0.0, 0.004])
def test_no_work_lost_is_neither_coloured_nor_below_the_scale(tmp_path: Path, loss: float) -> None:
    tile = tile_of(WORK_LOSS, cell(work_loss_ratio=Interval(loss, None, None)))
    assert (tile.state, tile.words) == (TileState.NOTHING, "0 %")
    assert tile_of(WORK_LOSS, cell(work_loss_ratio=Interval(-0.02, None, None))).words == "▼ -2 %"
    assert tile_of(WORK_LOSS, cell(work_loss_ratio=Interval(0.02, None, None))).state is TileState.COLOURED
    draw_all(tmp_path, [cell(work_loss_ratio=Interval(loss, None, None))])
    assert "▼" not in "".join(texts(tmp_path / "heatmap-work-loss.svg"))


def test_work_loss_that_may_be_none_is_hatched() -> None:
    found = [tile_of(WORK_LOSS, cell(work_loss_ratio=Interval(0.12, lo, 0.24))) for lo in (-0.02, 0.01)]
    assert [tile.state for tile in found] == [TileState.NOT_SIGNIFICANT, TileState.COLOURED]
    assert [(tile.words, tile.interval) for tile in found] == [("12 % n.s.", "[-2 %, 24 %]"), ("12 %", "[1 %, 24 %]")]
    (note,) = notes_on(WORK_LOSS, [cell(work_loss_ratio=Interval(0.12, -0.02, 0.24))])
    assert note.meaning == "Hatched tiles show no significant loss."
    assert tile_of(WORK_LOSS, cell(work_loss_ratio=Interval(0.9, -1e9, 1.0))).interval == "[< -100 %, 100 %]"


def test_power_that_may_be_that_of_the_network_alone_is_hatched() -> None:
    found = [
        tile_of(POWER, cell(power_w=8.0, power_ends_w=(7.5, 8.5), power_ratio=change))
        for change in (Interval(1.1, 0.98, 1.2), Interval(1.1, 1.02, 1.2), Interval(1.1, None, None), None)
    ]
    assert [tile.words for tile in found] == ["8.00 n.s.", "8.00", "8.00", "8.00"]
    assert {tile.interval for tile in found} == {"[7.50, 8.50]"}
    assert [tile.state for tile in found] == [TileState.NOT_SIGNIFICANT, *3 * [TileState.COLOURED]]


def test_an_interval_that_repeats_its_value_is_left_out_and_what_is_white_has_a_line_in_the_key() -> None:
    (loss,) = (metric for metric in METRICS if metric.name == "work-loss")
    narrow, nothing = (cell(work_loss_ratio=Interval(value, value - 1e-4, value + 1e-4)) for value in (0.17, 0.001))
    assert [(tile.words, tile.interval) for tile in (tile_of(loss, narrow), tile_of(loss, nothing))] == [
        ("17 %", ""), ("0 %", ""),
    ]  # fmt: skip
    assert [note.symbol for note in notes_on(loss, [nothing])] == ["0 %"]
    assert "both of its ends round to the value" in [*notes_on(loss, [narrow, nothing])][1].meaning
