"""One page per quantity: networks down, tasks across, and a grid of clocks in each panel where they were set.

Colours. Slowdown below 1 is rare and small, so a diverging map would spend half its colours on nothing and
show both halves as the same grey in print. The map is therefore sequential and perceptually uniform: it begins
pale at "nothing changes" and darkens with the harm. The few values below are clipped to a blue of their own and
carry a triangle. A value that is not significant gets no colour at all: a hatched tile cannot be mistaken
for a finding, in grey print as little as in colour. Nor does a share that rounds to 0 %.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure

from colocate.model.cell import SOLO, Cell
from colocate.model.request import Inference
from colocate.report.drawing.paper import (
    BODY_PT,
    HEADING_PT,
    LINE_IN,
    MARGIN_IN,
    MIN_WIDTH_IN,
    QUIET,
    RGB,
    RULE,
    SMALL_PT,
    Sheet,
    heading_height_in,
    round_ticks,
    text_colour,
    text_width_in,
    wrapped,
)
from colocate.report.sweep.metrics import Metric, Scale
from colocate.report.sweep.tiles import Note, Tile, TileState, notes_on, tile_of
from colocate.report.text.captions import Caption
from colocate.report.text.labels import (
    clock_text,
    clocks_words,
    inference_label,
    inferences_of,
    placements_of,
    task_label,
    tasks_of,
)
from colocate.report.text.numbers import percent_text

_BELOW = "#c6dbef"
_TILE_IN, _SMALL_TILE_IN = (0.88, 0.42), (0.62, 0.32)
# With more tiles across, the page would outgrow any screen: then they show values without intervals.
_MANY_ACROSS = 26
_SEAM_IN = 0.02
_PANEL_GAP_IN, _PLACEMENT_GAP_IN = 0.14, 0.35
_TICKS_IN = 0.62
_BAR_IN = (2.6, 0.13)
_KEY_IN = 0.42

_Row = tuple[Inference, int | None]
_Column = tuple[str, str, int | None]


def draw_heatmap(metric: Metric, cells: Sequence[Cell], caption: Caption) -> Figure | None:
    """The page of `metric`; None where no cell has a value of it."""
    if all(metric.value_of(cell) is None for cell in cells):
        return None
    layout = _Layout(metric, cells, caption)
    sheet = Sheet(layout.width_in, layout.height_in)
    sheet.heading(metric.title, caption, layout.phrases)
    norm, colours = _colours(metric, [tile for tile in layout.tiles.values() if tile.state is TileState.COLOURED])
    _draw_labels(sheet, layout)
    for (row, column), tile in layout.tiles.items():
        x, y = layout.xs[column], layout.ys[row]
        face = None
        if tile.state is TileState.COLOURED and tile.value is not None:
            face = to_rgb(colours(norm(tile.value)))
        _draw_tile(sheet, x, y, layout.tile_in, tile, face, layout.crowded)
    _draw_key(sheet, layout, metric, norm, colours)
    return sheet.figure


class _Layout:
    """Where everything on the page stands, in inches."""

    def __init__(self, metric: Metric, cells: Sequence[Cell], caption: Caption) -> None:
        self.inferences = inferences_of(cells)
        self.placements = placements_of(cells)
        # The network alone is a column of its own where the quantity means something for it.
        alone = any(metric.value_of(cell) is not None for cell in cells if cell.task == SOLO)
        tasks = [task for task in tasks_of(cells) if alone or task != SOLO]
        clocks = {cell.clocks for cell in cells}
        self.has_clocks = len(clocks) > 1
        cpu_hz = sorted({point.cpu_hz for point in clocks}, key=lambda hz: hz or 0)
        gpu_hz = sorted({point.gpu_hz for point in clocks}, key=lambda hz: hz or 0)
        self.rows: list[_Row] = list(itertools.product(self.inferences, cpu_hz))
        self.columns: list[_Column] = list(itertools.product(self.placements, tasks, gpu_hz))

        of_place = {
            ((cell.inference, cell.clocks.cpu_hz), (cell.placement, cell.task, cell.clocks.gpu_hz)): cell
            for cell in cells
        }
        places = list(itertools.product(self.rows, self.columns))
        self.tiles = {place: tile_of(metric, of_place.get(place)) for place in places}

        self.crowded = len(self.columns) > _MANY_ACROSS
        has_intervals = any(tile.interval.startswith("[") for tile in self.tiles.values())
        self.phrases = ["95 % intervals" + (" in cells.csv" if self.crowded else "")] if has_intervals else []
        self.phrases += self.placements if len(self.placements) == 1 else []
        self.phrases += [] if self.has_clocks else [clocks_words(cells[0].clocks)]

        width, height = _SMALL_TILE_IN if self.crowded else _TILE_IN
        if not self.crowded:
            width = max(width, *(0.08 + text_width_in(tile.interval, SMALL_PT) for tile in self.tiles.values()))
        widest_task = max(text_width_in(task_label(task), HEADING_PT) for task in tasks) + 0.12
        self.tile_in = (max(width, widest_task / len(gpu_hz)), height)
        gap = _PANEL_GAP_IN if self.has_clocks else 0.0
        self.labels = [inference_label(inference, self.inferences) for inference in self.inferences]
        left = MARGIN_IN + 0.15 + max(
            *(text_width_in(name, HEADING_PT) for name, _ in self.labels),
            *(text_width_in(quality, SMALL_PT) for _, quality in self.labels),
        )  # fmt: skip
        left += _TICKS_IN if self.has_clocks else 0.0
        across = _offsets(self.columns, self.tile_in[0], (_PLACEMENT_GAP_IN, gap, 0.0))
        self.left, self.right = left, left + across[-1] + self.tile_in[0]
        self.width_in = max(MIN_WIDTH_IN, self.right + MARGIN_IN)

        self.top = heading_height_in(caption, self.phrases, self.width_in) + 0.30
        self.top += 0.26 if len(self.placements) > 1 else 0.0
        down = _offsets(self.rows, height, (gap, 0.0))
        self.bottom = self.top + down[-1] + height
        self.xs = dict(zip(self.columns, (self.left + offset for offset in across), strict=True))
        self.ys = dict(zip(self.rows, (self.top + offset for offset in down), strict=True))

        self.key_top = self.bottom + (0.52 if self.has_clocks else 0.28)
        room_in = self.width_in - 2 * MARGIN_IN - _KEY_IN
        self.key: list[tuple[Note, list[str]]] = [
            (note, wrapped(note.meaning, room_in, BODY_PT))
            for note in notes_on(metric, [of_place.get(place) for place in places])
        ]
        lines = sum(len(lines) for _, lines in self.key)
        self.height_in = self.key_top + 0.62 + LINE_IN * lines + 0.05 * len(self.key) + 0.2


def _offsets(keys: Sequence[tuple[object, ...]], step_in: float, gaps_in: Sequence[float]) -> list[float]:
    """Where each of `keys` begins; before one that differs from the last in place k first stands gap k."""
    offsets = [0.0]
    for before, key in itertools.pairwise(keys):
        place = next(place for place, (old, new) in enumerate(zip(before, key, strict=True)) if old != new)
        offsets.append(offsets[-1] + step_in + gaps_in[place])
    return offsets


def _spans(layout: _Layout, depth: int) -> Iterator[tuple[_Column, float, float]]:
    """Each run of columns that agree in their first `depth` places: its first column, left and right end."""
    for _, run in itertools.groupby(layout.columns, key=lambda column: column[:depth]):
        columns = list(run)
        yield columns[0], layout.xs[columns[0]], layout.xs[columns[-1]] + layout.tile_in[0]


def _draw_labels(sheet: Sheet, layout: _Layout) -> None:
    if len(layout.placements) > 1:
        for (placement, _, _), x0, x1 in _spans(layout, 1):
            sheet.text((x0 + x1) / 2, layout.top - 0.43, placement, HEADING_PT, ha="center", weight="bold")
            sheet.rule(x0, x1, layout.top - 0.31)
    for (_, task, _), x0, x1 in _spans(layout, 2):
        sheet.text((x0 + x1) / 2, layout.top - 0.14, task_label(task), HEADING_PT, ha="center")
    for (_, run), (name, quality) in zip(
        itertools.groupby(layout.rows, key=lambda row: row[0]), layout.labels, strict=True
    ):
        rows = list(run)
        middle = (layout.ys[rows[0]] + layout.ys[rows[-1]] + layout.tile_in[1]) / 2
        sheet.text(MARGIN_IN, middle - (0.07 if quality else 0), name, HEADING_PT)
        sheet.text(MARGIN_IN, middle + 0.09, quality, SMALL_PT, colour=QUIET)
    if layout.has_clocks:
        for row, y in layout.ys.items():
            sheet.text(layout.left - 0.08, y + layout.tile_in[1] / 2, clock_text(row[1]), SMALL_PT, ha="right")
        for column, x in layout.xs.items():
            sheet.text(x + layout.tile_in[0] / 2, layout.bottom + 0.11, clock_text(column[2]), SMALL_PT, ha="center")
        sheet.text(layout.left - 0.08, layout.top - 0.14, "CPU MHz", SMALL_PT, ha="right", colour=QUIET)
        sheet.text(layout.left - 0.08, layout.bottom + 0.11, "GPU MHz", SMALL_PT, ha="right", colour=QUIET)


def _draw_tile(
    sheet: Sheet, x: float, y: float, size_in: tuple[float, float], tile: Tile,
    face: RGB | None, crowded: bool,
) -> None:  # fmt: skip
    width, height = size_in
    _draw_ground(sheet, x, y, size_in, tile.state, face)
    colour = text_colour(face or to_rgb(_BELOW))
    middle = x + width / 2
    if tile.interval and not crowded:
        sheet.text(middle, y + 0.34 * height, tile.words, BODY_PT, ha="center", colour=colour)
        sheet.text(middle, y + 0.72 * height, tile.interval, SMALL_PT, ha="center", colour=colour)
    else:
        size = SMALL_PT if crowded else BODY_PT
        sheet.text(middle, y + height / 2, tile.words, size, ha="center", colour=colour)


def _draw_ground(
    sheet: Sheet, x: float, y: float, size_in: tuple[float, float], state: TileState,
    face: RGB | None,
) -> None:  # fmt: skip
    inner = (x + _SEAM_IN / 2, y + _SEAM_IN / 2, size_in[0] - _SEAM_IN, size_in[1] - _SEAM_IN)
    if state is TileState.NOT_SIGNIFICANT:
        sheet.box(*inner, edge=RULE, hatch="////")
    elif state in (TileState.ABSENT, TileState.NOTHING):
        sheet.box(*inner, edge=RULE)
    else:
        sheet.box(*inner, face=face or _BELOW)


def _colours(metric: Metric, tiles: Sequence[Tile]) -> tuple[Normalize, ListedColormap]:
    """The scale over the values of `tiles`, wide enough that noise does not look like a finding."""
    values = [tile.value for tile in tiles if tile.value is not None]
    # magma is perceptually uniform, and so is a part of it; the darkest fifth would hide the hue.
    ramp = matplotlib.colormaps["magma_r"](np.linspace(0.03, 0.80, 256))
    colours = ListedColormap(ramp, name="harm")
    if metric.scale is Scale.RATIO:
        return LogNorm(1.0, max([1.1, *values])), colours
    if metric.scale is Scale.SHARE:
        return Normalize(0.0, max([0.1, *values])), colours
    least, greatest = min(values), max(values)
    return Normalize(least, max(greatest, least + 0.05 * abs(least), least + 1e-9)), colours


def _draw_key(sheet: Sheet, layout: _Layout, metric: Metric, norm: Normalize, colours: ListedColormap) -> None:
    y = layout.key_top
    sheet.text(MARGIN_IN, y, metric.bar, BODY_PT)
    axes = sheet.axes(MARGIN_IN, y + 0.12, *_BAR_IN)
    bar = sheet.figure.colorbar(ScalarMappable(norm, colours), cax=axes, orientation="horizontal")
    begin, end = float(norm.vmin or 0.0), float(norm.vmax or 0.0)
    ticks = round_ticks(begin, end, metric.scale is Scale.RATIO)
    words = percent_text if metric.scale is Scale.SHARE else "{:g}".format
    bar.set_ticks(ticks, labels=[words(tick) for tick in ticks])
    bar.minorticks_off()
    axes.tick_params(labelsize=SMALL_PT, length=2, pad=2)
    bar.outline.set_visible(False)
    y += 0.62
    for note, lines in layout.key:
        if note.state is not None:
            _draw_ground(sheet, MARGIN_IN, y - 0.08, (_KEY_IN - 0.08, 0.17), note.state, None)
        sheet.text(MARGIN_IN + (_KEY_IN - 0.08) / 2, y, note.symbol, SMALL_PT, ha="center")
        for line in lines:
            sheet.text(MARGIN_IN + (_KEY_IN if note.symbol else 0.0), y, line, BODY_PT)
            y += LINE_IN
        y += 0.05
