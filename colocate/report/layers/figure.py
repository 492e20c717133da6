"""Draw where a network's time and energy go: stacked bars by kind of layer, and below them a bar per module.

The stacked bars are shares, so that time and energy compare: a kind with a larger share of the energy than of the
time draws more power than average. Below, each module has its time in ms, and its energy in mJ if that is known,
in the order in which they run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from colocate.report.drawing.axes import set_ticks, style_axes
from colocate.report.drawing.colours import QUIET, WHITE, text_colour
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.paper import (
    BODY_PT,
    LINE_IN,
    MARGIN_IN,
    PAGE_IN,
    SMALL_PT,
    Sheet,
    heading_height_in,
    wrapped,
)
from colocate.report.layers.kinds import KIND_LINE_IN, KIND_LOOKS, draw_kinds, kind_lines
from colocate.report.layers.load import LayersReport
from colocate.report.layers.terminal import balance_words, way_words
from colocate.report.text.captions import Caption
from colocate.report.text.labels import shortened
from colocate.report.text.numbers import percent_text, three_digits
from colocate.study.layers import Group, by_kind, by_module, grouped

_WIDTH_IN, _BAR_IN, _ROW_IN, _GAP_IN = 8.4, 0.36, 0.19, 0.55
# From here on a segment has room for its share.
_LABELLED_SHARE = 0.055
# From the last row to the words below: the axis.
_FOOT_IN = 0.42

_Quantity = tuple[str, str, Callable[[Group], float | None]]
_TIME: _Quantity = ("time", "ms", lambda group: group.time_s)
_ENERGY: _Quantity = ("energy above idle", "mJ", lambda group: group.energy_j)


def draw_layers(report: LayersReport, caption: Caption) -> Figure | None:
    """Draw the page; None if no layer was timed."""
    if report.everything.time_s is None:
        return None
    # Energies are stacked only if all are known; in the rows below, each one that is known is shown.
    stacked = [_TIME, *([_ENERGY] if report.everything.energy_j is not None else [])]
    kinds = [group for group in grouped(report.fused_layers, by_kind) if group.time_s is not None]
    modules = [group for group in grouped(report.fused_layers, by_module) if group.time_s is not None]
    phrases = way_words(report, caption)
    words = " ".join((balance_words(report), *report.notes))
    lines = wrapped(words, _WIDTH_IN - 2 * MARGIN_IN, BODY_PT)
    bars_top = heading_height_in(caption, phrases, _WIDTH_IN) + 0.16
    key_top = bars_top + len(stacked) * (_BAR_IN + 0.12) + 0.12
    key_lines = kind_lines([group.name for group in kinds], _WIDTH_IN - 2 * MARGIN_IN)
    rows_top = key_top + KIND_LINE_IN * len(key_lines) + 0.42
    fitting = int((PAGE_IN - rows_top - _FOOT_IN - LINE_IN * len(lines) - 0.2) / _ROW_IN)
    shown = sorted(modules, key=lambda group: -(group.time_s or 0.0))[:fitting]
    rows = [group for group in modules if group in shown]
    foot = rows_top + _ROW_IN * len(rows) + _FOOT_IN
    sheet = Sheet(_WIDTH_IN, foot + LINE_IN * len(lines) + 0.2)
    sheet.heading(f"Where {shortened(report.inference.network)} spends its time", caption, phrases)
    label_in = max(text_width_in(name, BODY_PT) for name, _, _ in stacked) + 0.12
    for number, quantity in enumerate(stacked):
        y = bars_top + number * (_BAR_IN + 0.12)
        _draw_stack(sheet, MARGIN_IN + label_in, y, _WIDTH_IN - 2 * MARGIN_IN - label_in - 0.75, quantity, kinds)
    draw_kinds(sheet, key_top, key_lines)
    _draw_rows(sheet, rows_top, rows, [_TIME, *([_ENERGY] if report.metered else [])])
    if len(rows) < len(modules):
        note = f"the {len(rows)} longest of {len(modules)}; all are in layer-groups.csv"
        sheet.note(MARGIN_IN, foot - 0.14, note)
    sheet.lines(foot + 0.1, lines)
    return sheet.figure


def _draw_stack(sheet: Sheet, x: float, y: float, width: float, quantity: _Quantity, kinds: Sequence[Group]) -> None:
    name, unit, value_of = quantity
    sheet.text(x - 0.12, y + _BAR_IN / 2, name, BODY_PT, ha="right")
    total = sum(value_of(group) or 0.0 for group in kinds)
    begin = x
    for group in kinds:
        share = (value_of(group) or 0.0) / total
        look = KIND_LOOKS[group.name]
        edge = WHITE if look.hatch else None
        length_in = max(0.0, share * width - 0.012)
        sheet.box(begin, y, length_in, _BAR_IN, face=look.colour, edge=edge, hatch=look.hatch)
        if share >= _LABELLED_SHARE:
            words, middle = percent_text(share), begin + share * width / 2
            # On its plain colour, as a hatch would cross the digits.
            room_in = text_width_in(words, BODY_PT) + 0.08
            sheet.box(middle - room_in / 2, y + _BAR_IN / 2 - 0.09, room_in, 0.18, face=look.colour)
            ink = text_colour(to_rgb(look.colour))
            sheet.text(middle, y + _BAR_IN / 2, words, BODY_PT, ha="center", colour=ink)
        begin += share * width
    sheet.text(x + width + 0.08, y + _BAR_IN / 2, f"{three_digits(1e3 * total)} {unit}", BODY_PT)


def _draw_rows(sheet: Sheet, y: float, rows: Sequence[Group], quantities: Sequence[_Quantity]) -> None:
    names = [shortened(group.name, 34) for group in rows]
    left = MARGIN_IN + max(text_width_in(name, SMALL_PT) for name in names) + 0.12
    width = (_WIDTH_IN - MARGIN_IN - left - (len(quantities) - 1) * _GAP_IN) / len(quantities) - 0.45
    for number, name in enumerate(names):
        sheet.text(left - 0.1, y + (number + 0.5) * _ROW_IN, name, SMALL_PT, ha="right")
    for column, (title, unit, value_of) in enumerate(quantities):
        x = left + column * (width + 0.45 + _GAP_IN)
        sheet.title(x, y - 0.13, f"{title}, {unit}")
        axes = sheet.axes(x, y, width, _ROW_IN * len(rows))
        values = [1e3 * (value_of(group) or 0.0) for group in rows]
        _prepare(axes, len(rows), max(values))
        for number, (group, value) in enumerate(zip(rows, values, strict=True)):
            known = value_of(group) is not None
            look = KIND_LOOKS[by_kind(group.fused_layers[0])]
            edge = WHITE if look.hatch else look.colour
            axes.barh(number, value, height=0.72, color=look.colour, edgecolor=edge, hatch=look.hatch, linewidth=0)
            words = three_digits(value) if known else "not resolved"
            axes.annotate(words, (value, number), (4, 0), textcoords="offset points", va="center", size=SMALL_PT,
                          color=QUIET, annotation_clip=False)  # fmt: skip


def _prepare(axes: Axes, rows: int, ceiling: float) -> None:
    axes.set_xlim(0, 1.04 * ceiling)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    set_ticks(axes.yaxis, ())
    style_axes(axes, "left")
