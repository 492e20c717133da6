"""Throughput and images/s/W of one network over the batch: a row of two panels per clock point.

One line per runtime and precision: colours tell precisions, dashes and markers runtimes. The batch doubles from tick
to tick, as one tries it. All rows share their axes, so that clock points compare at a glance.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from colocate.model.cell import Interval
from colocate.report.drawing.axes import set_ticks, style_axes
from colocate.report.drawing.colours import QUIET, SERIES, SERIES_DASHES, SERIES_MARKERS
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import BODY_PT, LINE_IN, MARGIN_IN, Sheet, heading_height_in, wrapped
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.efficiency.words import aim_words, trade_off_words
from colocate.report.text.captions import Caption
from colocate.report.text.labels import clocks_words, plain, shortened
from colocate.study.efficiency import Efficiency, TradeOff

_PANEL_IN, _GAP_IN, _LEFT_IN, _ROW_GAP_IN = (3.35, 2.15), 0.75, 0.55, 0.42
_RING: Mapping[str, Any] = {"color": "#2166ac", "markerfacecolor": "none", "markeredgewidth": 1.3}

_Line = tuple[str, str]
# Arguments of matplotlib's `plot`.
_Look = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What a column of panels shows."""

    title: str
    value_of: Callable[[Efficiency], Interval | None]
    missing: str

    def ceiling_of(self, rows: Iterable[Efficiency]) -> float:
        """The upper end of the highest interval; 0 where nothing is known."""
        return max((interval.hi or interval.value for row in rows if (interval := self.value_of(row))), default=0.0)


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
    phrases = ["95 % intervals"] + ([clocks_words(points[0])] if len(points) == 1 else [])
    choice = wrapped(
        f"Best for {aim_words(report.aim)}: {trade_off_words(found, report)}", width - 2 * MARGIN_IN, BODY_PT
    )
    # Over each row stand its clocks, where there are several.
    point_in = 0.12 if len(points) > 1 else 0.0
    top = heading_height_in(caption, phrases, width) + 0.36 + point_in
    bottom = top + len(points) * (_PANEL_IN[1] + _ROW_GAP_IN) - _ROW_GAP_IN
    sheet = Sheet(width, bottom + 0.66 + 0.30 + LINE_IN * len(choice) + 0.16)
    sheet.heading(f"Throughput and efficiency of {shortened(found.network)} by batch", caption, phrases)
    for column, quantity in enumerate(_QUANTITIES):
        x = MARGIN_IN + _LEFT_IN + column * (_PANEL_IN[0] + _GAP_IN)
        sheet.title(x - 0.05, top - 0.16 - (0.14 if len(points) > 1 else 0), quantity.title)
        for number, point in enumerate(points):
            y = top + number * (_PANEL_IN[1] + _ROW_GAP_IN)
            axes = sheet.axes(x, y, *_PANEL_IN)
            _prepare(axes, rows, quantity, last=number == len(points) - 1)
            if len(points) > 1:
                sheet.note(x, y - 0.10, clocks_words(point))
            if quantity.ceiling_of(rows):
                _draw_panel(axes, [row for row in rows if row.setting.clocks == point], quantity, own, found)
        sheet.note(x + _PANEL_IN[0] / 2, bottom + 0.34, "batch, images", ha="center")
    _draw_key(sheet, bottom + 0.66, own, found, failed=any(row.failure for row in rows))
    sheet.lines(bottom + 0.96, choice)
    return sheet.figure


def _line(row: Efficiency) -> _Line:
    return row.setting.inference.backend, row.setting.inference.precision


def _looks(lines: Sequence[_Line]) -> Mapping[_Line, _Look]:
    """What each line is drawn with, the same on every page of the run."""
    backends, precisions = (list(dict.fromkeys(part)) for part in zip(*lines, strict=True))
    # fp32 before fp16: the usual first.
    precisions.sort(reverse=True)
    return {
        (backend, precision): {
            "color": SERIES[precisions.index(precision) % len(SERIES)],
            "marker": SERIES_MARKERS[backends.index(backend) % len(SERIES_MARKERS)],
            "linestyle": SERIES_DASHES[backends.index(backend) % len(SERIES_DASHES)],
        }
        for backend, precision in sorted(lines, key=lambda line: (backends.index(line[0]), precisions.index(line[1])))
    }


def _prepare(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, *, last: bool) -> None:
    """Axes for all `rows` of the network; the `last` in a column has the batches below it."""
    batches, ceiling = sorted({row.setting.inference.batch for row in rows}), quantity.ceiling_of(rows)
    axes.set_xscale("log", base=2)
    axes.set_xlim(batches[0] / 1.25, batches[-1] * 1.25)
    set_ticks(axes.xaxis, batches if len(batches) <= 9 else [n for n in batches if math.log2(n).is_integer()])
    axes.tick_params(labelbottom=last)
    axes.set_ylim(0, 1.08 * ceiling or 1.0)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]) if ceiling else NullLocator())
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    style_axes(axes, "bottom")
    if not ceiling:
        axes.text(0.5, 0.5, quantity.missing, transform=axes.transAxes, ha="center", color=QUIET, size=BODY_PT)


def _draw_panel(
    axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, looks: Mapping[_Line, _Look], found: TradeOff
) -> None:
    """The lines of `rows`, which are of one clock point, with marks at the choice and at what runs by default."""
    for line, look in looks.items():
        _draw_line(axes, [row for row in rows if _line(row) == line], quantity, look)
    _mark(axes, [row for row in rows if row is found.best], quantity, size=13)
    _mark(axes, [row for row in rows if row is found.default], quantity, size=10, marker="s")


def _draw_line(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, look: _Look) -> None:
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
            batch = row.setting.inference.batch
            axes.plot(batch, interval.value, marker=marker, markersize=size, clip_on=False, zorder=5, **_RING)


def _draw_key(sheet: Sheet, y: float, looks: Mapping[_Line, _Look], found: TradeOff, *, failed: bool) -> None:
    key = Key(sheet, y, gap_in=0.31)
    one_backend = len({backend for backend, _ in looks}) == 1
    for (backend, precision), look in looks.items():
        words = precision if one_backend else f"{plain(backend)} {precision}"
        key.plot(words, (0, 0.15, 0.30), words_in=0.39, markersize=3.6, linewidth=1.4, **look)
    if found.best:
        key.plot("best", (0.07,), words_in=0.23, marker="o", markersize=10, **_RING)
    if found.default:
        key.plot("default", (0.07,), words_in=0.23, marker="s", markersize=8, **_RING)
    if failed:
        key.plot("failed", (0.07,), words_in=0.23, marker="x", markersize=6, color=QUIET)
