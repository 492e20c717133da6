"""Arrange the tiles of a heatmap on pages.

A panel has one tile for each of its *lines* (rows) and each *foot* (column); the feet stand in groups, each under a
*head*. For example, lines are CPU clocks, heads tasks and feet GPU clocks. Networks have panels below one another.
Panels side by side are *wings*: one for each placement and memory clock.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.request import Inference
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
    wrapped,
)
from colocate.report.sweep.panels import Panels, Wing, common_words, wings_of
from colocate.report.sweep.tiles import Note, Tile
from colocate.report.text.captions import Caption
from colocate.report.text.labels import inference_label, inferences_of

# In a note, the symbol and the space after it.
SYMBOL_IN = 0.42
_TILE_IN = (0.88, 0.42)
# Bounds hold for all cells at once.
INTERVALS = ("95 % intervals per cell", "bounds behind verdicts are wider")
# A sheet across that is as high as a page.
WIDE_IN = PAGE_IN * 2**0.5
_PANEL_GAP_IN, _WING_GAP_IN = 0.14, 0.35
_TICKS_IN = 0.62

Row = tuple[Inference, Hashable]
Column = tuple[Wing, Hashable, Hashable]


@dataclass(frozen=True, slots=True)
class Grid:
    """The tiles of a heatmap. A row is a network and a line. A column is a wing (placement and memory clock), a head
    and a foot.

    `labels` has the name of each network and how it is run. `wings` has the words over each wing, empty if there is
    only one. `common` are phrases that hold for all tiles. `explain` makes the key to the tiles of some cells; if the
    page is `scaled`, there is room for a scale of colours above the key.
    """

    labels: Sequence[tuple[str, str]]
    wings: Mapping[Wing, str]
    panels: Panels
    rows: Sequence[Row]
    columns: Sequence[Column]
    common: Sequence[str]
    cells: Mapping[tuple[Row, Column], Cell | None]
    tiles: Mapping[tuple[Row, Column], Tile]
    explain: Callable[[Sequence[Cell | None]], Sequence[Note]]
    scaled: bool = True

    @property
    def phrases(self) -> list[str]:
        """The phrases on its tiles for the heading."""
        intervals = any(tile.interval.startswith("[") for tile in self.tiles.values())
        return [*(INTERVALS if intervals else ()), *self.common]

    @property
    def notes(self) -> Sequence[Note]:
        """The key to its tiles."""
        return self.explain(list(self.cells.values()))


def grid_of(
    cells: Sequence[Cell],
    panels: Panels,
    tile: Callable[[Cell | None], Tile],
    notes: Callable[[Sequence[Cell | None]], Sequence[Note]],
) -> Grid:
    """Return the tiles of `cells`, arranged by `panels`. A combination that was not measured has None for a cell.

    `tile` makes the tile of a cell, and `notes` the key to the tiles.
    """
    inferences, wings = inferences_of(cells), wings_of(cells)
    rows = list(itertools.product(inferences, panels.lines))
    columns = list(itertools.product(wings, panels.heads, panels.feet))
    measured: dict[tuple[Row, Column], Cell] = {}
    for cell in cells:
        line, head, foot = panels.place_of(cell)
        measured[(cell.inference, line), ((cell.placement, cell.clocks.emc_hz), head, foot)] = cell
    shown = {place: measured.get(place) for place in itertools.product(rows, columns)}
    return Grid(
        labels=[inference_label(inference, inferences) for inference in inferences],
        wings=wings,
        panels=panels,
        rows=rows,
        columns=columns,
        common=common_words(cells),
        cells=shown,
        tiles={place: tile(cell) for place, cell in shown.items()},
        explain=notes,
    )


def pages_of(grid: Grid, caption: Caption) -> list[Grid]:
    """Return `grid` cut into pages no higher than paper and no wider than `WIDE_IN`.

    Rows are split between networks if that is enough, else between groups of lines, else between any two lines.
    Columns are split between wings, else between heads, else between any two.
    """
    layout = layout_of(grid, caption)
    gaps_in = _PANEL_GAP_IN / len(grid.panels.feet), _WING_GAP_IN * (len(grid.wings) - 1)
    across = int((WIDE_IN - MARGIN_IN - layout.left - gaps_in[1]) / (layout.tile_in[0] + gaps_in[0]))
    return [
        _part_of(grid, rows, columns)
        for columns in _columns_of_pages(grid.columns, max(1, across))
        for rows in _rows_of_pages(grid, layout)
    ]


def _columns_of_pages(columns: Sequence[Column], most: int, depth: int = 1) -> list[Sequence[Column]]:
    """Return `columns` in runs of at most `most`, of about equal length. Columns with the same first `depth` elements
    stay together if they fit.
    """
    if len(columns) <= most:
        return [columns]
    alike = [list(run) for _, run in itertools.groupby(columns, key=lambda column: column[:depth])]
    pages = math.ceil(len(alike) / max(1, most // len(alike[0])))
    step = math.ceil(len(alike) / pages)
    runs = [list(itertools.chain(*alike[start : start + step])) for start in range(0, len(alike), step)]
    return [page for run in runs for page in _columns_of_pages(run, most, depth + 1)]


def _rows_of_pages(grid: Grid, layout: Layout) -> list[list[Row]]:
    step_in = layout.tile_in[1]
    room_in = PAGE_IN - (layout.height_in - (layout.bottom - layout.top))
    most = max(1, int(room_in / (step_in + _PANEL_GAP_IN / max(1, len(grid.panels.lines)))))
    return _packed(
        grid.rows, most, (lambda row: row[0], lambda row: grid.panels.families.get(row[1]), lambda row: row)
    )


def _packed(rows: Iterable[Row], most: int, keys: Sequence[Callable[[Row], object]]) -> list[list[Row]]:
    """Return `rows` in pages of at most `most`. Rows that agree in the first of `keys` stay together if they fit,
    else rows that agree in the next key. The last key differs for every two rows.
    """
    pages: list[list[Row]] = [[]]
    for _, run in itertools.groupby(rows, key=keys[0]):
        together = list(run)
        parts = [together] if len(together) <= most else _packed(together, most, keys[1:])
        if len(pages[-1]) + len(parts[0]) > most or (pages[-1] and len(parts) > 1):
            pages.append([])
        pages[-1] += parts[0]
        pages += parts[1:]
    return pages


def _part_of(grid: Grid, rows: Sequence[Row], columns: Sequence[Column]) -> Grid:
    names = dict(zip(dict.fromkeys(inference for inference, _ in grid.rows), grid.labels, strict=True))
    return dataclasses.replace(
        grid,
        labels=[names[inference] for inference in dict.fromkeys(inference for inference, _ in rows)],
        rows=rows,
        columns=columns,
        cells={place: grid.cells[place] for place in itertools.product(rows, columns)},
        tiles={place: grid.tiles[place] for place in itertools.product(rows, columns)},
    )


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything on a page stands, in inches. `xs` has the left of each column, `ys` the top of each row."""

    tile_in: tuple[float, float]
    xs: Mapping[Column, float]
    ys: Mapping[Row, float]
    heads_top: float
    key_top: float
    notes_top: float
    notes: Sequence[tuple[Note, Sequence[str]]]
    width_in: float
    height_in: float

    @property
    def left(self) -> float:
        """The left end of all tiles."""
        return next(iter(self.xs.values()))

    @property
    def top(self) -> float:
        """The upper end of all tiles."""
        return next(iter(self.ys.values()))

    @property
    def bottom(self) -> float:
        """The lower end of all tiles."""
        return max(self.ys.values()) + self.tile_in[1]


def layout_of(grid: Grid, caption: Caption) -> Layout:
    """The layout of a page: tiles of one size below the heading, names left of them, the key below."""
    tile_in = _tile_size_in(grid)
    gap_down, gap_across = (
        _PANEL_GAP_IN if any(words.values()) else 0.0 for words in (grid.panels.lines, grid.panels.feet)
    )
    left = _labels_width_in(grid)
    across = [left + offset for offset in _offsets(grid.columns, tile_in[0], (_WING_GAP_IN, gap_across, 0.0))]
    width = max(MIN_WIDTH_IN, across[-1] + tile_in[0] + MARGIN_IN)
    heads_in = 0.30 + (0.15 if any(note for _, note in grid.panels.heads.values()) else 0.0)
    top = heading_height_in(caption, grid.phrases, width) + heads_in + (0.26 if len(grid.wings) > 1 else 0.0)
    down = [top + offset for offset in _offsets(grid.rows, tile_in[1], (gap_down, 0.0))]
    key_top = down[-1] + tile_in[1] + (0.52 if any(grid.panels.feet.values()) else 0.28)
    notes_top = key_top + (0.62 if grid.scaled else 0.0)
    notes = [(note, wrapped(note.meaning, width - 2 * MARGIN_IN - SYMBOL_IN, BODY_PT)) for note in grid.notes]
    notes_in = LINE_IN * sum(len(lines) for _, lines in notes) + 0.05 * len(notes)
    return Layout(
        tile_in=tile_in,
        xs=dict(zip(grid.columns, across, strict=True)),
        ys=dict(zip(grid.rows, down, strict=True)),
        heads_top=top - heads_in,
        key_top=key_top,
        notes_top=notes_top,
        notes=notes,
        width_in=width,
        height_in=notes_top + notes_in + 0.2,
    )


def _tile_size_in(grid: Grid) -> tuple[float, float]:
    """The width and height of a tile: its text must fit into it, and each head over the tiles of its feet."""
    width, height = _TILE_IN
    width = max(width, *(0.12 + text_width_in(tile.interval, SMALL_PT) for tile in grid.tiles.values()))
    heads = grid.panels.heads.values()
    widest = max(max(text_width_in(name, HEADING_PT), text_width_in(note, SMALL_PT)) for name, note in heads) + 0.12
    return max(width, widest / len(grid.panels.feet)), height


def _labels_width_in(grid: Grid) -> float:
    """Return how far from the edge of the page the tiles begin, right of the names of networks and the words of
    lines.
    """
    widest = max(
        *(text_width_in(name, HEADING_PT) for name, _ in grid.labels),
        *(text_width_in(quality, SMALL_PT) for _, quality in grid.labels),
    )
    lines = [text_width_in(words, SMALL_PT) for words in (*grid.panels.lines.values(), grid.panels.line_title)]
    return MARGIN_IN + 0.15 + widest + (max(_TICKS_IN, max(lines) + 0.12) if any(grid.panels.lines.values()) else 0.0)


def _offsets(keys: Sequence[tuple[object, ...]], step_in: float, gaps_in: Sequence[float]) -> list[float]:
    """Return where each of `keys` begins, in inches. If a key differs from the previous one first in element k,
    `gaps_in[k]` lies between them.
    """
    offsets = [0.0]
    for before, key in itertools.pairwise(keys):
        place = next(place for place, (old, new) in enumerate(zip(before, key, strict=True)) if old != new)
        offsets.append(offsets[-1] + step_in + gaps_in[place])
    return offsets
