"""A roofline: the FLOP/s of each fused layer over its FLOP per byte, under the machine's ceilings.

Williams, Waterman and Patterson, "Roofline", Communications of the ACM 52(4), 2009. Memory limits a layer below the
slope, arithmetic one below the flat part. The gap to the roof is what the runtime leaves unused. The area of a mark
is the time of the layer: a gap matters if the mark is large.
"""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from colocate.model.layers import Ceilings, FusedLayer
from colocate.report.drawing.axes import set_ticks, style_axes
from colocate.report.drawing.colours import INK, QUIET
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.paper import BODY_PT, LINE_IN, MARGIN_IN, SMALL_PT, Sheet, heading_height_in, wrapped
from colocate.report.layers.kinds import KIND_LOOKS, draw_kinds
from colocate.report.layers.load import LayersReport
from colocate.report.layers.terminal import way_words
from colocate.report.text.captions import Caption
from colocate.report.text.labels import shortened
from colocate.report.text.numbers import percent_text, three_digits
from colocate.study.layers import by_kind

_WIDTH_IN, _PLOT_IN, _LEFT_IN = 8.4, (6.9, 4.3), 0.75
_LARGEST_PT = 26.0
# Of the time of what is shown: names of smaller layers would only be in the way.
_NAMED_SHARE = 0.02

# Left, lower, right and upper end in points from the lower left corner of the axes.
_Box = tuple[float, float, float, float]


def draw_roofline(report: LayersReport, caption: Caption) -> Figure | None:
    """Draw the page; None if no layer that multiplies was timed."""
    fused_layers = [layer for layer in report.fused_layers if layer.flop_per_s and layer.intensity_flop_per_byte]
    if not fused_layers:
        return None
    roof = report.ceilings
    phrases = way_words(report, caption)
    top = heading_height_in(caption, phrases, _WIDTH_IN) + 0.34
    bottom = top + _PLOT_IN[1]
    silent_s = sum(
        layer.time_s.value for layer in report.fused_layers if layer.time_s is not None and layer not in fused_layers
    )
    words = _words(report, silent_s)
    lines = wrapped(words, _WIDTH_IN - 2 * MARGIN_IN, BODY_PT)
    sheet = Sheet(_WIDTH_IN, bottom + 0.95 + LINE_IN * len(lines) + 0.15)
    sheet.heading(f"Roofline of {shortened(report.inference.network)}", caption, phrases)
    x = MARGIN_IN + _LEFT_IN
    sheet.title(x - _LEFT_IN + 0.05, top - 0.16, "GFLOP/s")
    sheet.note(x + _PLOT_IN[0] / 2, bottom + 0.34, "FLOP per byte moved (both axes logarithmic)", ha="center")
    axes = sheet.axes(x, top, *_PLOT_IN)
    _prepare(axes, fused_layers, roof)
    if roof is not None:
        _draw_roof(axes, roof)
    _draw_layers(axes, fused_layers, roof)
    draw_kinds(sheet, bottom + 0.66, [list(dict.fromkeys(map(by_kind, fused_layers)))], marks=True)
    sheet.lines(bottom + 0.95, lines)
    return sheet.figure


def _words(report: LayersReport, silent_s: float) -> str:
    everything_s = report.everything.time_s
    words = "Areas are shares of the time."
    if everything_s and silent_s:
        share = silent_s / everything_s
        words += f" Fused layers that multiply nothing are not shown; they take {percent_text(share)} of it."
    if report.ceilings is None:
        words += " The ceilings were not measured."
    elif not report.modelled:
        words += " Ceilings: the quickest large matrix product and the quickest large copy in the same runtime"
        theirs, own = report.ceilings_precision, report.precision
        words += "." if theirs in ("", own) else f", in {theirs}, which {own} layers may exceed."
    return " ".join((words, *report.explained_warnings))


def _limits(fused_layers: list[FusedLayer], roof: Ceilings | None) -> tuple[tuple[float, float], tuple[float, float]]:
    across = [layer.intensity_flop_per_byte or 1.0 for layer in fused_layers]
    up = [(layer.flop_per_s or 1.0) / 1e9 for layer in fused_layers]
    if roof is not None:
        across.append(roof.flop_per_s / roof.bytes_per_s)
        up.append(roof.flop_per_s / 1e9)
    return (min(across) / 2, 2.5 * max(across)), (min(up) / 2.5, 2 * max(up))


def _prepare(axes: Axes, fused_layers: list[FusedLayer], roof: Ceilings | None) -> None:
    across, up = _limits(fused_layers, roof)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*across)
    axes.set_ylim(*up)
    for axis, limits in ((axes.xaxis, across), (axes.yaxis, up)):
        span = math.log10(limits[1] / limits[0])
        leading = (1, 2, 5) if span < 3 else (1, 3) if span < 4 else (1,)
        powers = range(math.floor(math.log10(limits[0])), math.ceil(math.log10(limits[1])) + 1)
        ticks = [digit * 10.0**power for power in powers for digit in leading]
        set_ticks(axis, [tick for tick in ticks if limits[0] <= tick <= limits[1]])
    axes.grid(color="#ececec", linewidth=0.6)
    axes.set_axisbelow(True)
    style_axes(axes, "left", "bottom")


def _draw_roof(axes: Axes, roof: Ceilings) -> None:
    begin, end = axes.get_xlim()
    ridge = roof.flop_per_s / roof.bytes_per_s
    at = np.array([begin, ridge, end])
    axes.plot(at, [roof.at(intensity) / 1e9 for intensity in at], color=INK, linewidth=1.3)
    flat = f"{three_digits(roof.flop_per_s / 1e9)} GFLOP/s"
    axes.annotate(flat, (end, roof.flop_per_s / 1e9), (-2, 4), textcoords="offset points", ha="right",
                  size=SMALL_PT)  # fmt: skip
    # Along the slope, near its lower end: above the line there is never a layer.
    low, high = axes.get_ylim()
    start = max(begin, low * 1e9 / roof.bytes_per_s)
    middle = math.sqrt(start * ridge)
    steepness = (_PLOT_IN[1] / math.log(high / low)) / (_PLOT_IN[0] / math.log(end / begin))
    axes.annotate(
        f"{three_digits(roof.bytes_per_s / 1e9)} GB/s", (middle, roof.at(middle) / 1e9), (-5, 5),
        textcoords="offset points", ha="center", size=SMALL_PT, rotation=math.degrees(math.atan(steepness)),
    )  # fmt: skip


def _draw_layers(axes: Axes, fused_layers: list[FusedLayer], roof: Ceilings | None) -> None:
    """Draw a mark for each layer, large ones behind small ones, and the names of the longest if there is room."""
    times_s = {id(layer): layer.time_s.value for layer in fused_layers if layer.time_s is not None}
    longest_s, together_s = max(times_s.values()), sum(times_s.values())
    ordered = sorted(fused_layers, key=lambda layer: -times_s[id(layer)])
    discs = []
    for layer in ordered:
        at = (layer.intensity_flop_per_byte or 1.0, (layer.flop_per_s or 1.0) / 1e9)
        size = max(4.0, _LARGEST_PT * math.sqrt(times_s[id(layer)] / longest_s))
        look = KIND_LOOKS[by_kind(layer)]
        axes.plot(*at, marker=look.marker, markersize=size, color=look.colour, alpha=0.75, markeredgecolor="white")
        discs.append((layer, at, size / 2))
    taken = [_around(_place_pt(axes, at), 0.8 * radius, 0.8 * radius) for _, at, radius in discs]
    if roof is not None:
        # The words at the right end of the roof.
        right, up = _place_pt(axes, (axes.get_xlim()[1], roof.flop_per_s / 1e9))
        taken.append(_around((right - 36, up + 7), 36, 7))
    for layer, at, radius in discs:
        if times_s[id(layer)] < _NAMED_SHARE * together_s:
            continue
        name, (x, y) = shortened(layer.first_layer, 20), _place_pt(axes, at)
        place = _room((x, y), radius + 3, 72 * text_width_in(name, SMALL_PT), taken)
        if place is not None:
            taken.append(place)
            axes.annotate(
                name, at, (place[0] - x, (place[1] + place[3]) / 2 - y), textcoords="offset points", size=SMALL_PT,
                va="center", color=QUIET,
            )  # fmt: skip


def _around(middle: tuple[float, float], width: float, height: float) -> _Box:
    x, y = middle
    return x - width, y - height, x + width, y + height


def _place_pt(axes: Axes, at: tuple[float, float]) -> tuple[float, float]:
    """Where a mark lies, in points (1/72 inch) from the lower left corner of the axes."""
    x, y = (
        math.log(value / low) / math.log(high / low)
        for value, (low, high) in zip(at, (axes.get_xlim(), axes.get_ylim()), strict=True)
    )
    return 72 * _PLOT_IN[0] * x, 72 * _PLOT_IN[1] * y


def _room(at: tuple[float, float], away: float, width: float, taken: list[_Box]) -> _Box | None:
    """A free box for a name right of, left of, above or below a point, in points; None if none of these is free."""
    x, y = at
    half = SMALL_PT / 2 + 0.5
    for left, middle in (
        (x + away, y), (x - away - width, y), (x - width / 2, y + away + half), (x - width / 2, y - away - half)
    ):  # fmt: skip
        box = (left, middle - half, left + width, middle + half)
        inside = box[0] > 0 and box[2] < 72 * _PLOT_IN[0]
        if inside and all(box[2] < b[0] or b[2] < box[0] or box[3] < b[1] or b[3] < box[1] for b in taken):
            return box
    return None
