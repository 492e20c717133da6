"""Draw a heatmap for each quantity. `layout` places its tiles, and `panels` says what rows and columns are.

Slowdowns below 1 are rare and small: a diverging colour map would spend half its colours on them, and print both
halves as the same grey. So the map is sequential and perceptually uniform. It is pale where nothing changes and
darkens with the harm. The few values below its start get a blue of their own and a triangle. A value that is not
significant is hatched and has no colour, so that it cannot be mistaken for a finding, even in grey print. A share
that rounds to 0 % has no colour either. The work that a task gets done is no harm: its colours are green, and darken
with the work.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure

from colocate.model.cell import SOLO, Cell
from colocate.report.drawing.axes import round_ticks
from colocate.report.drawing.colours import BLACK, RGB, RULE, WHITE, text_colour
from colocate.report.drawing.paper import BODY_PT, HEADING_PT, LINE_IN, MARGIN_IN, SMALL_PT, Sheet
from colocate.report.sweep.layout import SYMBOL_IN, Column, Grid, Layout, grid_of, layout_of, pages_of
from colocate.report.sweep.metrics import Metric, Scale
from colocate.report.sweep.panels import Panels, by_board, by_containment, by_task
from colocate.report.sweep.tiles import Note, Tile, TileState, notes_on, tile_of
from colocate.report.text.captions import Caption
from colocate.report.text.labels import containments_of, tasks_of
from colocate.report.text.numbers import percent_text

# SAFE is dark, as it is what readers look for, and UNSAFE is pale: the two differ in grey print too.
_GROUNDS = {TileState.BELOW_SCALE: "#c6dbef", TileState.SAFE: "#0f6b4b", TileState.UNSAFE: "#f8dfdc"}
_SEAM_IN = 0.02
_BAR_IN, _BAR_STEPS = (2.6, 0.13), 100
# Of the length of the bar.
_LAST_TICK = 0.88

# Left, top, width and height, in inches.
_Box = tuple[float, float, float, float]


def draw_heatmap(metric: Metric, cells: Sequence[Cell], caption: Caption) -> list[Figure]:
    """The pages of `metric` with a column for each task; none if no cell has a value."""
    if all(metric.value_of(cell) is None for cell in cells):
        return []
    return _drawn(metric, metric.title, cells, by_task(metric, cells), caption)


def draw_containments(metric: Metric, cells: Sequence[Cell], caption: Caption) -> list[Figure]:
    """Return the pages of `metric` with a column for each containment; none if tasks have only one, or no cell has a
    value.
    """
    beside = [cell for cell in cells if cell.task != SOLO]
    if len(containments_of(tasks_of(beside))) < 2 or all(metric.value_of(cell) is None for cell in beside):
        return []
    return _drawn(metric, f"{metric.title}, by containment", beside, by_containment(beside), caption)


def draw_boards(metric: Metric, boards: Mapping[str, Sequence[Cell]], caption: Caption) -> list[Figure]:
    """Return the pages of `metric` with a column for each board; none if there is only one, or no cell has a
    value.
    """
    beside = {name: [cell for cell in cells if cell.task != SOLO] for name, cells in boards.items()}
    cells = [cell for own in beside.values() for cell in own]
    if len(beside) < 2 or all(metric.value_of(cell) is None for cell in cells):
        return []
    return _drawn(metric, f"{metric.title}, by board", cells, by_board(beside), caption)


def _drawn(metric: Metric, title: str, cells: Sequence[Cell], panels: Panels, caption: Caption) -> list[Figure]:
    grid = grid_of(cells, panels, partial(tile_of, metric), partial(notes_on, metric))
    coloured = [tile for tile in grid.tiles.values() if tile.state is TileState.COLOURED]
    # Where nothing is significant the scale shows at least where the values lie.
    norm, colours = _colours(metric, coloured or [*grid.tiles.values()])

    def face_of(tile: Tile) -> RGB | None:
        if tile.state is not TileState.COLOURED or tile.value is None:
            return None
        return to_rgb(colours(norm(tile.value)))

    def draw_scale(sheet: Sheet, y: float) -> None:
        _draw_scale(sheet, y, metric, norm, colours)

    return draw_pages(title, grid, caption, face_of, draw_scale)


def draw_pages(
    title: str,
    grid: Grid,
    caption: Caption,
    face_of: Callable[[Tile], RGB | None] = lambda tile: None,
    draw_scale: Callable[[Sheet, float], None] = lambda sheet, y: None,
) -> list[Figure]:
    """Return the pages of `grid` with the key to its tiles. Pages with a SAFE tile come first.

    `face_of` gives a tile's colour, or None if its state decides its look. `draw_scale` draws the scale of colours on
    a page, at a height in inches.
    """
    # What is SAFE is what one looks for.
    pages = sorted(pages_of(grid, caption), key=lambda page: not _has_safe(page))
    titles = [f"{title} ({number} of {len(pages)})" for number in range(1, len(pages) + 1)] if pages[1:] else [title]
    drawn = zip(titles, pages, strict=True)
    return [_draw_page(own, page, caption, face_of, draw_scale) for own, page in drawn]


def _has_safe(page: Grid) -> bool:
    return any(tile.state is TileState.SAFE for tile in page.tiles.values())


def _draw_page(
    title: str,
    grid: Grid,
    caption: Caption,
    face_of: Callable[[Tile], RGB | None],
    draw_scale: Callable[[Sheet, float], None],
) -> Figure:
    layout = layout_of(grid, caption)
    sheet = Sheet(layout.width_in, layout.height_in)
    sheet.heading(title, caption, grid.phrases)
    _draw_labels(sheet, grid, layout)
    for (row, column), tile in grid.tiles.items():
        box = (layout.xs[column], layout.ys[row], *layout.tile_in)
        _draw_tile(sheet, box, tile, face_of(tile))
    draw_scale(sheet, layout.key_top)
    _draw_notes(sheet, layout.notes_top, layout.notes)
    return sheet.figure


def _spans(layout: Layout, depth: int) -> Iterator[tuple[Column, float, float]]:
    """Yield each run of columns with the same first `depth` elements: its first column, left end and right end in
    inches.
    """
    for _, run in itertools.groupby(layout.xs, key=lambda column: column[:depth]):
        columns = list(run)
        yield columns[0], layout.xs[columns[0]], layout.xs[columns[-1]] + layout.tile_in[0]


def _draw_labels(sheet: Sheet, grid: Grid, layout: Layout) -> None:
    if len(grid.wings) > 1:
        for (wing, _, _), x0, x1 in _spans(layout, 1):
            sheet.title((x0 + x1) / 2, layout.heads_top - 0.13, grid.wings[wing], ha="center")
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
    """Write the label of each row on its left, and the label of each column below it."""
    (width, height), beside, below = layout.tile_in, layout.left - 0.08, layout.bottom + 0.11
    for (_, line), y in layout.ys.items():
        sheet.text(beside, y + height / 2, panels.lines[line], SMALL_PT, ha="right")
    for (_, _, foot), x in layout.xs.items():
        sheet.text(x + width / 2, below, panels.feet[foot], SMALL_PT, ha="center")
    sheet.note(beside, layout.top - 0.14, panels.line_title, ha="right")
    sheet.note(beside, below, panels.foot_title, ha="right")


def _draw_tile(sheet: Sheet, box: _Box, tile: Tile, face: RGB | None) -> None:
    _draw_ground(sheet, box, tile.state, face)
    x, y, width, height = box
    colour, middle = text_colour(face or to_rgb(_GROUNDS.get(tile.state, WHITE))), x + width / 2
    if tile.interval:
        sheet.text(middle, y + 0.34 * height, tile.words, BODY_PT, ha="center", colour=colour)
        sheet.text(middle, y + 0.72 * height, tile.interval, SMALL_PT, ha="center", colour=colour)
    else:
        sheet.text(middle, y + height / 2, tile.words, BODY_PT, ha="center", colour=colour)


def _draw_ground(sheet: Sheet, box: _Box, state: TileState, face: RGB | None = None) -> None:
    x, y, width, height = box
    inner = (x + _SEAM_IN / 2, y + _SEAM_IN / 2, width - _SEAM_IN, height - _SEAM_IN)
    hatched = state in (TileState.NOT_SIGNIFICANT, TileState.UNDECIDED)
    if face is None and state not in _GROUNDS:
        sheet.box(*inner, edge=RULE, hatch="////" if hatched else None)
    else:
        sheet.box(*inner, face=face or _GROUNDS[state])


def _colours(metric: Metric, tiles: Sequence[Tile]) -> tuple[Normalize, ListedColormap]:
    """Return the range of values that the colours cover, wide enough that noise does not look like a finding, and the
    colours.
    """
    values = [tile.value for tile in tiles if tile.value is not None]
    # magma is perceptually uniform, and so is a part of it: the one on which black text has a contrast of 7:1.
    colours = _part_of("magma_r", 0.03, 0.30)
    if metric.scale is Scale.RATIO:
        return LogNorm(1.0, max([1.1, *values])), colours
    if metric.scale is Scale.SHARE:
        return Normalize(0.0, max([0.1, *values])), colours
    if metric.scale is Scale.KEPT:
        return Normalize(0.0, max([1.0, *values])), _part_of("BuGn", 0.05, 0.55)
    least, greatest = min(values), max(values)
    if least > 0 and greatest > 10 * least:
        return LogNorm(least, greatest), colours
    return Normalize(least, max(greatest, least + 0.05 * abs(least), least + 1e-9)), colours


def _part_of(name: str, begin: float, end: float) -> ListedColormap:
    return ListedColormap(matplotlib.colormaps[name](np.linspace(begin, end, 256)), name=name)


def _draw_scale(sheet: Sheet, y: float, metric: Metric, norm: Normalize, colours: ListedColormap) -> None:
    sheet.text(MARGIN_IN, y, metric.bar, BODY_PT)
    (width, height), top = _BAR_IN, y + 0.12
    for step in range(_BAR_STEPS):
        # To the end of the bar, so that no seam shows between two.
        left = width * step / _BAR_STEPS
        sheet.box(MARGIN_IN + left, top, width - left, height, face=to_rgb(colours((step + 0.5) / _BAR_STEPS)))
    begin, end = float(norm.vmin or 0.0), float(norm.vmax or 0.0)
    ticks = round_ticks(begin, end, isinstance(norm, LogNorm))
    # The bar ends with a number, and no other stands so near that the two touch.
    ticks = [*(tick for tick in ticks if norm(tick) < _LAST_TICK), end]
    words = percent_text if metric.scale in (Scale.SHARE, Scale.KEPT) else lambda tick: f"{float(f'{tick:.3g}'):g}"
    for tick in ticks:
        x, bottom = MARGIN_IN + width * float(norm(tick)), top + height
        sheet.plot((x, x), (bottom, bottom + 0.03), color=BLACK, linewidth=0.8, solid_capstyle="butt")
        sheet.text(x, bottom + 0.11, words(tick), SMALL_PT, ha="center")


def _draw_notes(sheet: Sheet, y: float, notes: Sequence[tuple[Note, Sequence[str]]]) -> None:
    """Write the key: what marks and tiles without a colour mean, each after a small tile or its symbol."""
    for note, lines in notes:
        if note.state is not None:
            _draw_ground(sheet, (MARGIN_IN, y - 0.08, SYMBOL_IN - 0.08, 0.17), note.state)
        colour = BLACK if note.state is None else text_colour(to_rgb(_GROUNDS.get(note.state, WHITE)))
        sheet.text(MARGIN_IN + (SYMBOL_IN - 0.08) / 2, y, note.symbol, SMALL_PT, ha="center", colour=colour)
        for line in lines:
            sheet.text(MARGIN_IN + (SYMBOL_IN if note.symbol else 0.0), y, line, BODY_PT)
            y += LINE_IN
        y += 0.05
