"""The verdict map: the verdict on every cell, and the quantity that decided it with its limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from colocate.model.cell import SOLO, Cell
from colocate.model.cell_key import CellKey
from colocate.model.limits import Limits, Quantity
from colocate.report.advise.words import limit_words
from colocate.report.sweep.heatmap import draw_pages
from colocate.report.sweep.layout import grid_of
from colocate.report.sweep.panels import by_task_beside
from colocate.report.sweep.tiles import Note, Tile, TileState
from colocate.report.text.captions import Caption
from colocate.report.text.numbers import percent_text, ratio_text, three_digits
from colocate.study.verdicts import Ruling, Verdict, deciding

_SYMBOLS = {Verdict.SAFE: "✓", Verdict.UNSAFE: "✕", Verdict.UNDECIDED: "?"}
_SIGNS = {Verdict.SAFE: " ≤", Verdict.UNSAFE: " >", Verdict.UNDECIDED: ", limit"}
_MEANINGS = {
    Verdict.SAFE: "SAFE: every upper bound meets its limit.",
    Verdict.UNSAFE: "UNSAFE: at least one lower bound exceeds its limit.",
    Verdict.UNDECIDED: "UNDECIDED: the data allow neither.",
}


def draw_verdicts(rulings: Sequence[Ruling], limits: Limits, caption: Caption) -> list[Figure]:
    """Return the pages of the map; none if no cell with a task was judged. A tile names the deciding quantity and its
    limit.
    """
    cells = [ruling.cell for ruling in rulings if ruling.cell.task != SOLO]
    if not cells:
        return []
    by_cell = {CellKey.of_cell(ruling.cell): ruling for ruling in rulings}
    grid = grid_of(
        cells,
        by_task_beside(cells),
        lambda cell: _tile(cell, by_cell),
        lambda shown: _notes(shown, by_cell),
    )
    words = ", ".join(
        f"{quantity.words} ≤ {limit_words(quantity, limit)}" for quantity, limit in limits.by_quantity.items()
    )
    title = f"Verdicts under {words}"
    unscaled = dataclasses.replace(grid, scaled=False)
    return draw_pages(title, unscaled, caption)


def _tile(cell: Cell | None, by_cell: Mapping[CellKey, Ruling]) -> Tile:
    if cell is None:
        return Tile(TileState.ABSENT, None, "-")
    ruling = by_cell[CellKey.of_cell(cell)]
    check = deciding(ruling)
    value = "unknown" if check.interval is None else _amount_words(check.quantity, check.interval.value)
    against = f"{check.quantity.words}{_SIGNS[ruling.verdict]} {limit_words(check.quantity, check.limit)}"
    return Tile(TileState[ruling.verdict.name], None, f"{_SYMBOLS[ruling.verdict]} {value}", against)


def _notes(cells: Sequence[Cell | None], by_cell: Mapping[CellKey, Ruling]) -> list[Note]:
    found = {by_cell[CellKey.of_cell(cell)].verdict for cell in cells if cell is not None}
    notes = [Note(_SYMBOLS[each], _MEANINGS[each], TileState[each.name]) for each in Verdict if each in found]
    return [*notes, Note("-", "not measured", TileState.ABSENT)] if None in cells else notes


def _amount_words(quantity: Quantity, value: float) -> str:
    if quantity.kind == "latency":
        return f"{three_digits(1e3 * value)} ms"
    if quantity.kind == "power":
        return f"{three_digits(value)} W"
    return percent_text(value) if quantity is Quantity.WORK_LOSS else ratio_text(value)
