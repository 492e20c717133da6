"""Which tiles a heatmap has, and that none of them overlap and everything fits on the page."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Cell, Interval
from colocate.model.containment import Containment
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.paper import (
    BODY_PT,
    HEADING_PT,
    LINE_IN,
    MARGIN_IN,
    MIN_WIDTH_IN,
    PAGE_IN,
    SMALL_PT,
    heading_height_in,
)
from colocate.report.sweep.layout import (
    INTERVALS,
    SYMBOL_IN,
    WIDE_IN,
    Column,
    Grid,
    Layout,
    grid_of,
    layout_of,
    pages_of,
)
from colocate.report.sweep.metrics import METRICS, Metric
from colocate.report.sweep.panels import by_containment, by_task
from colocate.report.sweep.tiles import TileState, notes_on, tile_of
from tests.report.drawn import CAPTION, cell

P50, POWER = METRICS[0], METRICS[3]
LOW, HIGH = ClockPoint(102_000_000, 76_800_000), ClockPoint(921_600_000, 998_400_000)


def grid_by_task(metric: Metric, cells: Sequence[Cell]) -> Grid:
    return grid_of(cells, by_task(metric, cells), partial(tile_of, metric), partial(notes_on, metric))


def laid_out(*cells: Cell) -> tuple[Grid, Layout]:
    grid = grid_by_task(P50, cells)
    return grid, layout_of(grid, CAPTION)


# ---- what there is


def test_every_combination_has_a_tile_measured_or_not() -> None:
    cells = [cell(clocks=HIGH), cell(network="vgg16", clocks=LOW), cell(task="bitcount", clocks=LOW)]
    grid = grid_by_task(P50, cells)
    inferences = [cells[0].inference, cells[1].inference]
    assert list(grid.rows) == list(itertools.product(inferences, (102_000_000, 921_600_000)))
    assert list(grid.columns) == list(
        itertools.product([("isolated", None)], [("jpeg", None), ("bitcount", None)], (76_800_000, 998_400_000))
    )
    assert grid.tiles.keys() == {*itertools.product(grid.rows, grid.columns)}
    measured = {place for place, tile in grid.tiles.items() if tile.state is not TileState.ABSENT}
    assert measured == {
        ((own.inference, own.clocks.cpu_hz), ((own.placement, None), (own.task, None), own.clocks.gpu_hz))
        for own in cells
    }
    assert [note.meaning for note in grid.notes] == ["not measured"]
    assert all(grid.panels.lines.values()) and all(grid.panels.feet.values())


def test_native_clocks_come_before_those_that_were_set() -> None:
    points = [ClockPoint(None, HIGH.gpu_hz), ClockPoint(LOW.cpu_hz, None)]
    grid = grid_by_task(P50, [cell(clocks=point) for point in points])
    assert [cpu_hz for _, cpu_hz in grid.rows] == [None, LOW.cpu_hz]
    assert [gpu_hz for *_, gpu_hz in grid.columns] == [None, HIGH.gpu_hz]


def test_the_heading_says_what_all_tiles_share() -> None:
    assert grid_by_task(P50, [cell()]).phrases == [*INTERVALS, "isolated", "native clocks"]
    several = [cell(clocks=point, placement=name) for point in (LOW, HIGH) for name in ("isolated", "shared")]
    assert grid_by_task(P50, several).phrases == [*INTERVALS]
    assert grid_by_task(POWER, [cell(power_w=8.0, clocks=LOW)]).phrases == ["isolated", "102/76.8 MHz (CPU/GPU)"]
    memory = [dataclasses.replace(point, emc_hz=1_600_000_000) for point in (LOW, HIGH)]
    shared = [cell(clocks=point) for point in memory]
    assert grid_by_task(P50, shared).phrases == [*INTERVALS, "isolated", "memory 1600 MHz"]
    one_block = cell(slowdown_p50=Interval(1.1, None, None))
    assert INTERVALS[0] not in grid_by_task(P50, [one_block]).phrases


def test_every_memory_clock_has_a_grid_beside_the_others() -> None:
    memory_hz = (1_600_000_000, 68_000_000)
    cells = [
        cell(clocks=dataclasses.replace(point, emc_hz=hz), placement=place)
        for point in (LOW, HIGH) for hz in memory_hz for place in ("isolated", "shared")
    ]  # fmt: skip
    grid = grid_by_task(P50, cells)
    assert [*grid.wings.values()] == [
        "isolated, memory 68 MHz", "isolated, memory 1600 MHz", "shared, memory 68 MHz", "shared, memory 1600 MHz",
    ]  # fmt: skip
    measured = [tile for tile in grid.tiles.values() if tile.state is not TileState.ABSENT]
    assert len(measured) == len(cells) and grid.common == []
    assert all(grid.panels.lines.values()) and all(grid.panels.feet.values())


def test_where_the_memory_alone_has_several_clocks_the_others_are_in_the_heading() -> None:
    cells = [cell(clocks=dataclasses.replace(LOW, emc_hz=hz)) for hz in (None, 68_000_000)]
    grid = grid_by_task(P50, cells)
    assert [*grid.wings.values()] == ["memory native", "memory 68 MHz"]
    assert grid.common == ["isolated", "102/76.8 MHz (CPU/GPU)"]
    assert (grid.panels.line_title, *grid.panels.lines.values()) == ("", "")


# ---- where it stands


def gaps(places: Mapping[Column, float], step_in: float) -> list[float]:
    return [after - before - step_in for before, after in itertools.pairwise(places.values())]


@given(
    st.integers(1, 3), st.integers(1, 4), st.integers(1, 2), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2),
    st.integers(1, 40),
)  # fmt: skip
def test_nothing_overlaps_and_everything_is_on_the_page(
    networks: int, tasks: int, placements: int, cpu_clocks: int, gpu_clocks: int, memory_clocks: int, name_length: int
) -> None:
    cells = [
        cell("n" * name_length + str(network), task="t" * name_length + str(task), placement=f"p{placement}",
             clocks=ClockPoint(cpu * 100_000_000, gpu * 100_000_000, memory * 100_000_000))
        for network in range(networks) for placement in range(placements)
        for cpu in range(1, cpu_clocks + 1) for gpu in range(1, gpu_clocks + 1)
        for memory in range(1, memory_clocks + 1) for task in range(tasks)
    ]  # fmt: skip
    grid, layout = laid_out(*cells)
    width, height = layout.tile_in
    assert layout.xs.keys() == {*grid.columns} and layout.ys.keys() == {*grid.rows}
    assert all(gap > -1e-9 for gap in gaps(layout.xs, width))
    assert all(b - a > height - 1e-9 for a, b in itertools.pairwise(layout.ys.values()))
    # Left the names, above the heading, below the key and then the notes.
    assert layout.left >= MARGIN_IN + max(text_width_in(name, HEADING_PT) for name, _ in grid.labels)
    assert layout.top > heading_height_in(CAPTION, grid.phrases, layout.width_in)
    assert layout.bottom == max(layout.ys.values()) + height < layout.key_top < layout.notes_top < layout.height_in
    assert max(layout.xs.values()) + width + MARGIN_IN <= layout.width_in + 1e-9
    assert layout.width_in >= MIN_WIDTH_IN


def test_a_tile_has_room_for_its_interval_and_a_task_for_its_name() -> None:
    wide = Interval(1.13, 1.0900001, 123456.0)
    grid, layout = laid_out(cell(slowdown_p50=wide))
    (tile,) = grid.tiles.values()
    assert layout.tile_in[0] > text_width_in(tile.interval, SMALL_PT)
    _, usual = laid_out(cell())
    _, named = laid_out(cell(task="a-task-of-a-very-long-name"))
    assert named.tile_in[0] > text_width_in("a-task-of-a-very-long-name", HEADING_PT) > usual.tile_in[0]
    # Over the tiles of two GPU clocks a name has twice the room.
    _, clocked = laid_out(*(cell(task="a-task-of-a-very-long-name", clocks=point) for point in (LOW, HIGH)))
    assert 2 * clocked.tile_in[0] > text_width_in("a-task-of-a-very-long-name", HEADING_PT) > clocked.tile_in[0]


def test_placements_stand_further_apart_than_tasks_and_clocks_touch() -> None:
    cells = [
        cell(placement=placement, task=task, clocks=ClockPoint(LOW.cpu_hz, gpu_hz))
        for placement in ("isolated", "shared")
        for task in ("jpeg", "bitcount")
        for gpu_hz in (76_800_000, 998_400_000)
    ]
    _, layout = laid_out(*cells)
    clocks, tasks, _, placements, *_ = gaps(layout.xs, layout.tile_in[0])
    assert clocks == pytest.approx(0.0, abs=1e-9) and placements > tasks > 0.05


def test_tasks_touch_where_no_clocks_were_set() -> None:
    _, layout = laid_out(cell(task="a"), cell(task="b"))
    assert gaps(layout.xs, layout.tile_in[0]) == pytest.approx([0.0])


def test_notes_are_broken_to_the_width_of_the_page_and_make_it_longer() -> None:
    _, plain = laid_out(cell())
    grid, noted = laid_out(
        cell(slowdown_p50=Interval(1.1, None, None), warnings=(QualityFlag.CPU_TIME_STOLEN, QualityFlag.OTHER_LOAD)),
        cell(task="b", slowdown_p50=None),
    )
    assert not plain.notes and [note for note, _ in noted.notes] == list(grid.notes)
    for note, lines in noted.notes:
        assert " ".join(lines) == note.meaning
        assert all(text_width_in(line, BODY_PT) <= noted.width_in - 2 * MARGIN_IN - SYMBOL_IN for line in lines)
    broken = sum(len(lines) for _, lines in noted.notes)
    assert broken > len(noted.notes), "one of them takes more than a line"
    assert noted.height_in >= noted.notes_top + LINE_IN * broken
    assert noted.height_in - noted.notes_top > plain.height_in - plain.notes_top


def test_ways_to_run_a_network_widen_the_names() -> None:
    cells = [cell(), cell(precision="fp16", batch=128, graph=True)]
    grid, layout = laid_out(*cells)
    assert grid.labels[1][1] == "fp16, batch 128, CUDA graph"
    assert layout.left > laid_out(cell())[1].left
    assert layout.left >= MARGIN_IN + text_width_in(grid.labels[1][1], SMALL_PT)


def test_containments_of_a_task_stand_under_its_name() -> None:
    _, plain = laid_out(cell())
    grid, layout = laid_out(cell(), cell(containment=Containment(quota_ratio=0.333, quota_period_s=0.0123)))
    assert [*grid.panels.heads.values()] == [("jpeg", ""), ("jpeg", "quota=33.3%/12.3")]
    assert layout.top - layout.heads_top > plain.top - plain.heads_top
    assert layout.tile_in[0] > text_width_in("quota=33.3%/12.3", SMALL_PT)


# ---- pages


@given(st.integers(1, 12), st.integers(1, 30))
def test_pages_hold_every_row_once_and_are_no_higher_than_paper(networks: int, clocks: int) -> None:
    cells = [
        cell(f"n{network}", clocks=ClockPoint((1 + clock) * 100_000_000, None))
        for network in range(networks)
        for clock in range(clocks)
    ]
    grid = grid_by_task(P50, cells)
    pages = pages_of(grid, CAPTION)
    assert [row for page in pages for row in page.rows] == list(grid.rows)
    assert {place: tile for page in pages for place, tile in page.tiles.items()} == grid.tiles
    for page in pages:
        assert layout_of(page, CAPTION).height_in <= PAGE_IN
        assert len(page.labels) == len({inference for inference, _ in page.rows})
    # A network that fits on a page is not parted.
    if clocks <= 15:
        owners = [{inference for inference, _ in page.rows} for page in pages]
        assert sum(map(len, owners)) == networks


@given(st.integers(1, 2), st.integers(1, 30), st.integers(1, 4))
def test_pages_hold_every_column_once_and_are_no_wider_than_a_sheet(
    placements: int, tasks: int, gpu_clocks: int
) -> None:
    cells = [
        cell(task=f"t{task}", placement=f"p{placement}", clocks=ClockPoint(None, (1 + clock) * 100_000_000))
        for placement in range(placements) for task in range(tasks) for clock in range(gpu_clocks)
    ]  # fmt: skip
    grid = grid_by_task(P50, cells)
    pages = pages_of(grid, CAPTION)
    assert [column for page in pages for column in page.columns] == list(grid.columns)
    assert {place: tile for page in pages for place, tile in page.tiles.items()} == grid.tiles
    assert all(layout_of(page, CAPTION).width_in <= WIDE_IN for page in pages)
    # The clocks of a task stay together, and placements are not mixed where one fills a page.
    heads = [{column[:2] for column in page.columns} for page in pages]
    assert sum(map(len, heads)) == placements * tasks
    if len(pages) > 1:
        assert all(len({wing for wing, _ in own}) == 1 for own in heads)


def test_each_page_has_the_key_of_its_own_tiles() -> None:
    below = Interval(0.9, 0.85, 0.95)
    cells = [
        cell(network, clocks=ClockPoint((1 + clock) * 100_000_000, None), **({"slowdown_p50": below} if last else {}))
        for network, last in (("a", False), ("b", False), ("c", True)) for clock in range(15)
    ]  # fmt: skip
    pages = pages_of(grid_by_task(P50, cells), CAPTION)
    assert [[note.symbol for note in page.notes] for page in pages] == [[], [], ["▼"]]


def test_pages_of_containments_are_cut_between_tasks() -> None:
    cells = [
        cell(task=f"t{task}", containment=containment, clocks=ClockPoint((1 + clock) * 100_000_000, None))
        for task in range(3) for clock in range(9) for containment in (None, Containment(idle=True))
    ]  # fmt: skip
    grid = grid_of(cells, by_containment(cells), lambda each: tile_of(P50, each), lambda shown: ())
    pages = pages_of(grid, CAPTION)
    assert [row for page in pages for row in page.rows] == list(grid.rows) and len(pages) > 1
    owners = [{grid.panels.families[line] for _, line in page.rows} for page in pages]
    assert sum(map(len, owners)) == 3, "no task is on two pages"
