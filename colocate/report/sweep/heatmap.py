"""One page per quantity: panels of networks down and placements across (`layout`), with what `panels` puts into each.

Colours. Slowdown below 1 is rare and small, so a diverging map would spend half its colours on nothing and
show both halves as the same grey in print. The map is therefore sequential and perceptually uniform: it begins
pale at "nothing changes" and darkens with the harm. The few values below are clipped to a blue of their own and
carry a triangle. A value that is not significant gets no colour at all: a hatched tile cannot be mistaken
for a finding, in grey print as little as in colour. Nor does a share that rounds to 0 %.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure

from colocate.model.cell import SOLO, Cell
from colocate.report.drawing.axes import round_ticks
from colocate.report.drawing.colours import RGB, RULE, text_colour
from colocate.report.drawing.paper import BODY_PT, HEADING_PT, LINE_IN, MARGIN_IN, SMALL_PT, Sheet
from colocate.report.sweep.layout import SYMBOL_IN, Column, Grid, Layout, grid_of, layout_of
from colocate.report.sweep.metrics import Metric, Scale
from colocate.report.sweep.panels import Panels, by_containment, by_task
from colocate.report.sweep.tiles import Note, Tile, TileState
from colocate.report.text.captions import Caption
from colocate.report.text.labels import containments_of, tasks_of
from colocate.report.text.numbers import percent_text

_BELOW = "#c6dbef"
_SEAM_IN = 0.02
_BAR_IN = (2.6, 0.13)

# Left, top, width and height, in inches.
_Box = tuple[float, float, float, float]


def draw_heatmap(metric: Metric, cells: Sequence[Cell], caption: Caption) -> Figure | None:
    """The page of `metric` by task; None where no cell has a value of it."""
    if all(metric.value_of(cell) is None for cell in cells):
        return None
    return _drawn(metric, grid_of(metric, cells, by_task(metric, cells)), caption)


def draw_containments(metric: Metric, cells: Sequence[Cell], caption: Caption) -> Figure | None:
    """The page of `metric` by containment; None where all tasks have the same, or no cell has a value of it."""
    beside = [cell for cell in cells if cell.task != SOLO]
    if len(containments_of(tasks_of(beside))) < 2 or all(metric.value_of(cell) is None for cell in beside):
        return None
    titled = dataclasses.replace(metric, title=f"{metric.title}, by containment")
    return _drawn(titled, grid_of(metric, beside, by_containment(beside)), caption)


def _drawn(metric: Metric, grid: Grid, caption: Caption) -> Figure:
    layout = layout_of(grid, caption)
    sheet = Sheet(layout.width_in, layout.height_in)
    sheet.heading(metric.title, caption, grid.phrases)
    _draw_labels(sheet, grid, layout)
    norm, colours = _colours(metric, [tile for tile in grid.tiles.values() if tile.state is TileState.COLOURED])
    for (row, column), tile in grid.tiles.items():
        face = None
        if tile.state is TileState.COLOURED and tile.value is not None:
            face = to_rgb(colours(norm(tile.value)))
        _draw_tile(sheet, (layout.xs[column], layout.ys[row], *layout.tile_in), tile, face, grid.crowded)
    _draw_scale(sheet, layout.key_top, metric, norm, colours)
    _draw_notes(sheet, layout.notes_top, layout.notes)
    return sheet.figure


def _spans(layout: Layout, depth: int) -> Iterator[tuple[Column, float, float]]:
    """Each run of columns that agree in their first `depth` places: its first column, left and right end."""
    for _, run in itertools.groupby(layout.xs, key=lambda column: column[:depth]):
        columns = list(run)
        yield columns[0], layout.xs[columns[0]], layout.xs[columns[-1]] + layout.tile_in[0]


def _draw_labels(sheet: Sheet, grid: Grid, layout: Layout) -> None:
    if len(grid.placements) > 1:
        for (placement, _, _), x0, x1 in _spans(layout, 1):
            sheet.title((x0 + x1) / 2, layout.heads_top - 0.13, placement, ha="center")
            sheet.rule(x0, x1, layout.heads_top - 0.01)
    for (_, head, _), x0, x1 in _spans(layout, 2):
        name, note = grid.panels.heads[head]
        sheet.text((x0 + x1) / 2, layout.heads_top + 0.16, name, HEADING_PT, ha="center")
        sheet.note((x0 + x1) / 2, layout.top - 0.12, note, ha="center")
    for (_, run), (name, quality) in zip(
        itertools.groupby(layout.ys, key=lambda row: row[0]), grid.labels, strict=True
    ):
        rows = list(run)
        middle = (layout.ys[rows[0]] + layout.ys[rows[-1]] + layout.tile_in[1]) / 2
        sheet.text(MARGIN_IN, middle - (0.07 if quality else 0), name, HEADING_PT)
        sheet.note(MARGIN_IN, middle + 0.09, quality)
    _draw_ticks(sheet, grid.panels, layout)


def _draw_ticks(sheet: Sheet, panels: Panels, layout: Layout) -> None:
    """The words of lines left of the rows, those of feet below the columns."""
    (width, height), beside, below = layout.tile_in, layout.left - 0.08, layout.bottom + 0.11
    for (_, line), y in layout.ys.items():
        sheet.text(beside, y + height / 2, panels.lines[line], SMALL_PT, ha="right")
    for (_, _, foot), x in layout.xs.items():
        sheet.text(x + width / 2, below, panels.feet[foot], SMALL_PT, ha="center")
    sheet.note(beside, layout.top - 0.14, panels.line_title, ha="right")
    sheet.note(beside, below, panels.foot_title, ha="right")


def _draw_tile(sheet: Sheet, box: _Box, tile: Tile, face: RGB | None, crowded: bool) -> None:
    _draw_ground(sheet, box, tile.state, face)
    x, y, width, height = box
    colour, middle = text_colour(face or to_rgb(_BELOW)), x + width / 2
    if tile.interval and not crowded:
        sheet.text(middle, y + 0.34 * height, tile.words, BODY_PT, ha="center", colour=colour)
        sheet.text(middle, y + 0.72 * height, tile.interval, SMALL_PT, ha="center", colour=colour)
    else:
        size = SMALL_PT if crowded else BODY_PT
        sheet.text(middle, y + height / 2, tile.words, size, ha="center", colour=colour)


def _draw_ground(sheet: Sheet, box: _Box, state: TileState, face: RGB | None = None) -> None:
    x, y, width, height = box
    inner = (x + _SEAM_IN / 2, y + _SEAM_IN / 2, width - _SEAM_IN, height - _SEAM_IN)
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
    if metric.scale is Scale.KEPT:
        return Normalize(0.0, max([1.0, *values])), colours.reversed()
    least, greatest = min(values), max(values)
    return Normalize(least, max(greatest, least + 0.05 * abs(least), least + 1e-9)), colours


def _draw_scale(sheet: Sheet, y: float, metric: Metric, norm: Normalize, colours: ListedColormap) -> None:
    sheet.text(MARGIN_IN, y, metric.bar, BODY_PT)
    axes = sheet.axes(MARGIN_IN, y + 0.12, *_BAR_IN)
    bar = sheet.figure.colorbar(ScalarMappable(norm, colours), cax=axes, orientation="horizontal")
    begin, end = float(norm.vmin or 0.0), float(norm.vmax or 0.0)
    ticks = round_ticks(begin, end, metric.scale is Scale.RATIO)
    words = percent_text if metric.scale in (Scale.SHARE, Scale.KEPT) else "{:g}".format
    bar.set_ticks(ticks, labels=[words(tick) for tick in ticks])
    bar.minorticks_off()
    axes.tick_params(labelsize=SMALL_PT, length=2, pad=2)
    bar.outline.set_visible(False)


def _draw_notes(sheet: Sheet, y: float, notes: Sequence[tuple[Note, Sequence[str]]]) -> None:
    """What marks and tiles without a colour mean, each after a small tile or its symbol."""
    for note, lines in notes:
        if note.state is not None:
            _draw_ground(sheet, (MARGIN_IN, y - 0.08, SYMBOL_IN - 0.08, 0.17), note.state)
        sheet.text(MARGIN_IN + (SYMBOL_IN - 0.08) / 2, y, note.symbol, SMALL_PT, ha="center")
        for line in lines:
            sheet.text(MARGIN_IN + (SYMBOL_IN if note.symbol else 0.0), y, line, BODY_PT)
            y += LINE_IN
        y += 0.05
