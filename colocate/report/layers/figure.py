"""Where a network's time and energy go: a stacked bar by kind of layer, and a bar per module or layer below it.

The stacked bars are shares, so that time and energy compare: a kind that takes more of the energy than of the time
is what runs hot. Below, in the order in which they run, what each module takes in ms, and in mJ where that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from colocate.report.drawing.paper import (
    BODY_PT,
    HEADING_PT,
    LINE_IN,
    MARGIN_IN,
    QUIET,
    RULE,
    SMALL_PT,
    Sheet,
    heading_height_in,
    text_colour,
    text_width_in,
    wrapped,
)
from colocate.report.layers.load import LayersReport
from colocate.report.layers.terminal import balance_words, way_words
from colocate.report.text.captions import Caption
from colocate.report.text.labels import shortened
from colocate.report.text.numbers import percent_text, three_digits
from colocate.study.layers import Group, by_kind, by_module, grouped

# Kinds of layers, and of modules; what reads and writes most is pale, what multiplies is strong.
KIND_COLOURS: Mapping[str, str] = {
    "convolution": "#b5367a",
    "fully connected": "#e58a2b",
    "fire module": "#5e3c99",
    "inception module": "#5e3c99",
    "residual block": "#5e3c99",
    "pooling": "#2b83ba",
    "normalisation": "#74a9cf",
    "element-wise": "#6a9f58",
    "softmax": "#d9c74a",
    "data movement": "#b0b0b0",
    "other": "#4d4d4d",
}
_WIDTH_IN, _BAR_IN, _ROW_IN, _GAP_IN = 8.4, 0.36, 0.19, 0.55
# From here on a segment has room for its share.
_TOLD_SHARE = 0.055
_ROWS_MAX = 60

_Quantity = tuple[str, str, Callable[[Group], float | None]]
_TIME: _Quantity = ("time", "ms", lambda group: group.time_s)
_ENERGY: _Quantity = ("energy above idle", "mJ", lambda group: group.energy_j)


def draw_layers(report: LayersReport, caption: Caption) -> Figure | None:
    """The page; None where nothing was timed."""
    if report.everything.time_s is None:
        return None
    # Stacked where nothing is missing from the stack, layer by layer wherever any is known.
    stacked = [_TIME, *([_ENERGY] if report.everything.energy_j is not None else [])]
    kinds = [group for group in grouped(report.fused_layers, by_kind) if group.time_s is not None]
    modules = [group for group in grouped(report.fused_layers, by_module) if group.time_s is not None]
    phrases = way_words(report, caption)
    words = " ".join((balance_words(report), *report.notes))
    lines = wrapped(words, _WIDTH_IN - 2 * MARGIN_IN, BODY_PT)
    bars_top = heading_height_in(caption, phrases, _WIDTH_IN) + 0.16
    key_top = bars_top + len(stacked) * (_BAR_IN + 0.12) + 0.12
    key_lines = _key_lines(kinds)
    rows_top = key_top + 0.2 * len(key_lines) + 0.42
    shown = sorted(modules, key=lambda group: -(group.time_s or 0.0))[:_ROWS_MAX]
    rows = [group for group in modules if group in shown]
    foot = rows_top + _ROW_IN * len(rows) + 0.42
    sheet = Sheet(_WIDTH_IN, foot + LINE_IN * len(lines) + 0.2)
    sheet.heading(f"Where {shortened(report.inference.network)} spends its time", caption, phrases)
    label_in = max(text_width_in(name, BODY_PT) for name, _, _ in stacked) + 0.12
    for number, quantity in enumerate(stacked):
        y = bars_top + number * (_BAR_IN + 0.12)
        _draw_stack(sheet, MARGIN_IN + label_in, y, _WIDTH_IN - 2 * MARGIN_IN - label_in - 0.75, quantity, kinds)
    _draw_key(sheet, key_top, key_lines)
    _draw_rows(sheet, rows_top, rows, [_TIME, *([_ENERGY] if report.metered else [])])
    if len(rows) < len(modules):
        note = f"the {len(rows)} longest of {len(modules)}; all are in layer-groups.csv"
        sheet.text(MARGIN_IN, foot - 0.14, note, SMALL_PT, colour=QUIET)
    for number, line in enumerate(lines):
        sheet.text(MARGIN_IN, foot + 0.1 + number * LINE_IN, line, BODY_PT)
    return sheet.figure


def _draw_stack(sheet: Sheet, x: float, y: float, width: float, quantity: _Quantity, kinds: Sequence[Group]) -> None:
    name, unit, value_of = quantity
    sheet.text(x - 0.12, y + _BAR_IN / 2, name, BODY_PT, ha="right")
    total = sum(value_of(group) or 0.0 for group in kinds)
    begin = x
    for group in kinds:
        share = (value_of(group) or 0.0) / total
        colour = KIND_COLOURS[group.name]
        sheet.box(begin, y, max(0.0, share * width - 0.012), _BAR_IN, face=colour)
        if share >= _TOLD_SHARE:
            rgb = tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
            words = percent_text(share)
            ink = text_colour((rgb[0], rgb[1], rgb[2]))
            sheet.text(begin + share * width / 2, y + _BAR_IN / 2, words, BODY_PT, ha="center", colour=ink)
        begin += share * width
    sheet.text(x + width + 0.08, y + _BAR_IN / 2, f"{three_digits(1e3 * total)} {unit}", BODY_PT)


def _key_lines(kinds: Sequence[Group]) -> list[list[str]]:
    """The names of the kinds, in lines that fit."""
    found: list[list[str]] = [[]]
    used = 0.0
    for group in kinds:
        needed = 0.44 + text_width_in(group.name, SMALL_PT)
        if used + needed > _WIDTH_IN - 2 * MARGIN_IN:
            found.append([])
            used = 0.0
        found[-1].append(group.name)
        used += needed
    return found


def _draw_key(sheet: Sheet, y: float, lines: Sequence[Sequence[str]]) -> None:
    for number, names in enumerate(lines):
        x = MARGIN_IN
        for name in names:
            sheet.box(x, y + 0.2 * number - 0.06, 0.2, 0.12, face=KIND_COLOURS[name])
            sheet.text(x + 0.26, y + 0.2 * number, name, SMALL_PT, colour=QUIET)
            x += 0.44 + text_width_in(name, SMALL_PT)


def _draw_rows(sheet: Sheet, y: float, rows: Sequence[Group], quantities: Sequence[_Quantity]) -> None:
    names = [shortened(group.name, 34) for group in rows]
    left = MARGIN_IN + max(text_width_in(name, SMALL_PT) for name in names) + 0.12
    width = (_WIDTH_IN - MARGIN_IN - left - (len(quantities) - 1) * _GAP_IN) / len(quantities) - 0.45
    for number, name in enumerate(names):
        sheet.text(left - 0.1, y + (number + 0.5) * _ROW_IN, name, SMALL_PT, ha="right")
    for column, (title, unit, value_of) in enumerate(quantities):
        x = left + column * (width + 0.45 + _GAP_IN)
        sheet.text(x, y - 0.13, f"{title}, {unit}", HEADING_PT, weight="bold")
        axes = sheet.axes(x, y, width, _ROW_IN * len(rows))
        values = [1e3 * (value_of(group) or 0.0) for group in rows]
        _prepare(axes, len(rows), max(values))
        for number, (group, value) in enumerate(zip(rows, values, strict=True)):
            known = value_of(group) is not None
            axes.barh(number, value, height=0.72, color=KIND_COLOURS[by_kind(group.fused_layers[0])])
            words = three_digits(value) if known else "not resolved"
            axes.annotate(words, (value, number), (4, 0), textcoords="offset points", va="center", size=SMALL_PT,
                          color=QUIET, annotation_clip=False)  # fmt: skip


def _prepare(axes: Axes, rows: int, ceiling: float) -> None:
    axes.set_xlim(0, 1.04 * ceiling)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(NullLocator())
    axes.tick_params(labelsize=SMALL_PT, length=3, pad=2, color=RULE)
    axes.spines[["right", "top", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(RULE)
