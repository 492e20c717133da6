"""Throughput and images/s/W of one network over the batch: a row of two panels per clock point.

One line per runtime and precision: colours tell precisions, dashes and markers runtimes. The batch doubles from tick
to tick, as one tries it. All rows share their axes, so that clock points compare at a glance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from colocate.model.cell import Interval
from colocate.model.request import ClockPoint
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
    text_width_in,
    wrapped,
)
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.efficiency.words import aim_words, trade_off_words
from colocate.report.text.captions import Caption
from colocate.report.text.labels import clocks_text, plain, shortened
from colocate.study.efficiency import Efficiency, TradeOff

_COLOURS = ("#1a1a1a", "#b5367a", "#e58a2b")
_MARKERS = ("o", "s", "^", "D")
_DASHES: tuple[Any, ...] = ((0, ()), (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
_PANEL_IN, _GAP_IN, _LEFT_IN, _ROW_GAP_IN = (3.35, 2.15), 0.75, 0.55, 0.42
_MARK = "#2166ac"

_Line = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What a column of panels shows."""

    title: str
    value_of: Callable[[Efficiency], Interval | None]
    lack: str


_QUANTITIES = (
    _Quantity("images/s", lambda row: row.images_per_s, "nothing was measured"),
    _Quantity("images/s/W", lambda row: row.images_per_j, "power was not metered"),
)


def draw_efficiency(found: TradeOff, report: EfficiencyReport, caption: Caption) -> Figure:
    """The page of the network that `found` is the choice for, with the choice marked."""
    rows = [row for row in report.rows if row.setting.inference.network == found.network]
    points = list(dict.fromkeys(row.setting.clocks for row in rows))
    looks = _looks(list(dict.fromkeys(_line(row) for row in report.rows)))
    own = {line: looks[line] for line in looks if any(_line(row) == line for row in rows)}
    width = _LEFT_IN + MARGIN_IN + 2 * _PANEL_IN[0] + _GAP_IN + MARGIN_IN
    phrases = ["95 % intervals"] + ([_point_words(points[0])] if len(points) == 1 else [])
    choice = wrapped(
        f"Best for {aim_words(report.aim)}: {trade_off_words(found, report)}", width - 2 * MARGIN_IN, BODY_PT
    )
    top = heading_height_in(caption, phrases, width) + 0.36 + (0.12 if len(points) > 1 else 0)
    bottom = top + len(points) * (_PANEL_IN[1] + _ROW_GAP_IN) - _ROW_GAP_IN
    sheet = Sheet(width, bottom + 0.66 + 0.30 + LINE_IN * len(choice) + 0.16)
    sheet.heading(f"Throughput and efficiency of {shortened(found.network)} by batch", caption, phrases)
    batches = sorted({row.setting.inference.batch for row in rows})
    for column, quantity in enumerate(_QUANTITIES):
        x = MARGIN_IN + _LEFT_IN + column * (_PANEL_IN[0] + _GAP_IN)
        sheet.text(x - 0.05, top - 0.16 - (0.14 if len(points) > 1 else 0), quantity.title, HEADING_PT, weight="bold")
        ceiling = max(
            (interval.hi or interval.value for row in rows if (interval := quantity.value_of(row))), default=0
        )
        for number, point in enumerate(points):
            y = top + number * (_PANEL_IN[1] + _ROW_GAP_IN)
            axes = sheet.axes(x, y, *_PANEL_IN)
            _prepare(axes, batches, ceiling, last=number == len(points) - 1)
            if len(points) > 1:
                sheet.text(x, y - 0.10, _point_words(point), SMALL_PT, colour=QUIET)
            if not ceiling:
                axes.text(0.5, 0.5, quantity.lack, transform=axes.transAxes, ha="center", color=QUIET, size=BODY_PT)
                continue
            here = [row for row in rows if row.setting.clocks == point]
            for line, look in own.items():
                _draw_line(axes, [row for row in here if _line(row) == line], quantity, look)
            _mark(axes, [row for row in here if row is found.best], quantity, size=13)
            _mark(axes, [row for row in here if row is found.default], quantity, size=10, marker="s")
        sheet.text(x + _PANEL_IN[0] / 2, bottom + 0.34, "batch, images", SMALL_PT, ha="center", colour=QUIET)
    _draw_key(sheet, bottom + 0.66, own, found, failed=any(row.failure for row in rows))
    for number, words in enumerate(choice):
        sheet.text(MARGIN_IN, bottom + 0.96 + number * LINE_IN, words, BODY_PT)
    return sheet.figure


def _line(row: Efficiency) -> _Line:
    return row.setting.inference.backend, row.setting.inference.precision


def _looks(lines: Sequence[_Line]) -> Mapping[_Line, Mapping[str, Any]]:
    """What each line is drawn with, the same on every page of the run."""
    backends, precisions = (list(dict.fromkeys(part)) for part in zip(*lines, strict=True))
    # fp32 before fp16: the usual first.
    precisions.sort(reverse=True)
    return {
        (backend, precision): {
            "color": _COLOURS[precisions.index(precision) % len(_COLOURS)],
            "marker": _MARKERS[backends.index(backend) % len(_MARKERS)],
            "linestyle": _DASHES[backends.index(backend) % len(_DASHES)],
        }
        for backend, precision in sorted(lines, key=lambda line: (backends.index(line[0]), precisions.index(line[1])))
    }


def _prepare(axes: Axes, batches: Sequence[int], ceiling: float, *, last: bool) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xlim(batches[0] / 1.25, batches[-1] * 1.25)
    shown = batches if len(batches) <= 9 else [batch for batch in batches if math.log2(batch).is_integer()]
    axes.xaxis.set_major_locator(FixedLocator(list(shown)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([str(batch) for batch in shown] if last else [])
    axes.set_ylim(0, 1.08 * ceiling or 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]) if ceiling else NullLocator())
    axes.tick_params(labelsize=SMALL_PT, length=3, pad=2, color=RULE)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["right", "top", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(RULE)


def _draw_line(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, look: Mapping[str, Any]) -> None:
    shown = [(row, interval) for row in rows if (interval := quantity.value_of(row)) is not None]
    batches = [row.setting.inference.batch for row, _ in shown]
    values = [interval.value for _, interval in shown]
    axes.plot(batches, values, markersize=3.6, linewidth=1.4, **look)
    for batch, (_, interval) in zip(batches, shown, strict=True):
        if interval.lo is not None and interval.hi is not None:
            axes.plot((batch, batch), (interval.lo, interval.hi), color=look["color"], linewidth=3.2, alpha=0.35)
    for row in rows:
        if row.failure is not None and not row.windows:
            axes.plot(
                row.setting.inference.batch, 0, marker="x", markersize=6, color=look["color"], clip_on=False, zorder=4
            )


def _mark(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, size: float, marker: str = "o") -> None:
    for row in rows:
        if (interval := quantity.value_of(row)) is not None:
            axes.plot(
                row.setting.inference.batch, interval.value, marker=marker, markersize=size, color=_MARK,
                markerfacecolor="none", markeredgewidth=1.3, clip_on=False, zorder=5,
            )  # fmt: skip


def _draw_key(
    sheet: Sheet, y: float, looks: Mapping[_Line, Mapping[str, Any]], found: TradeOff, *, failed: bool
) -> None:
    axes = sheet.axes(0, y - 0.12, sheet.width_in, 0.24)
    axes.set_axis_off()
    axes.set_xlim(0, sheet.width_in)
    axes.set_ylim(-1, 1)
    ring = {"color": _MARK, "linestyle": "none", "markerfacecolor": "none", "markeredgewidth": 1.3}
    one_backend = len({backend for backend, _ in looks}) == 1
    entries: list[tuple[str, Mapping[str, Any]]] = [
        (precision if one_backend else f"{plain(backend)} {precision}", {**look, "markersize": 3.6, "linewidth": 1.4})
        for (backend, precision), look in looks.items()
    ]
    entries += [("best", {**ring, "marker": "o", "markersize": 10})] if found.best else []
    entries += [("default", {**ring, "marker": "s", "markersize": 8})] if found.default else []
    entries += [("failed", {"color": QUIET, "marker": "x", "markersize": 6, "linestyle": "none"})] if failed else []
    x = MARGIN_IN + 0.05
    for words, look in entries:
        single = look.get("linestyle") == "none"
        length = 0.14 if single else 0.30
        axes.plot(
            [x + length / 2] if single else [x, x + length / 2, x + length], [0] if single else [0, 0, 0], **look
        )
        sheet.text(x + length + 0.09, y, words, SMALL_PT, colour=QUIET)
        x += length + 0.40 + text_width_in(words, SMALL_PT)


def _point_words(point: ClockPoint) -> str:
    words = clocks_text(point)
    return "native clocks" if words == "native" else f"{words} (CPU/GPU)"
