"""Draw throughput, images/s/W and latency of one network over the batch: a row of panels per clock point.

There is one line per runtime and precision. Its colour shows the precision, its dashes and markers the runtime. All
rows have the same axes, so that clock points can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from colocate.model.cell import Interval
from colocate.model.purpose import Aim
from colocate.model.request import ClockPoint
from colocate.report.drawing.axes import round_ticks, set_ticks, style_axes
from colocate.report.drawing.colours import BLACK, QUIET, SERIES, SERIES_DASHES, SERIES_MARKERS
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import (
    BODY_PT,
    LINE_IN,
    MARGIN_IN,
    PAGE_IN,
    Sheet,
    heading_height_in,
    wrapped,
)
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.efficiency.words import QUANTILE_WORDS, aim_words, trade_off_words
from colocate.report.text.captions import Caption
from colocate.report.text.labels import clocks_words, plain, shortened
from colocate.study.efficiency import Efficiency
from colocate.study.trade_offs import TradeOff

_PANEL_IN, _GAP_IN, _LEFT_IN, _ROW_GAP_IN = (2.55, 2.0), 0.62, 0.45, 0.42
# Below the last row: the batches, what they are, and the key.
_FOOT_IN, _KEY_IN = 0.66, 0.30
_RING: Mapping[str, Any] = {"color": "#2166ac", "markerfacecolor": "none", "markeredgewidth": 1.3}
_LIMIT: Mapping[str, Any] = {"color": BLACK, "linewidth": 0.9, "linestyle": (0, (5, 3))}

_Line = tuple[str, str]
# Arguments of matplotlib's `plot`.
_Look = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Quantity:
    """What a column of panels shows. Values are multiplied by `scale`; the limit is in the unit of the axis."""

    title: str
    value_of: Callable[[Efficiency], Interval | None]
    missing: str = "nothing was measured"
    scale: float = 1.0
    logarithmic: bool = False
    limit: float | None = None

    def interval_of(self, row: Efficiency) -> tuple[float, float, float] | None:
        """The lower end, the value and the upper end, scaled, or None; an unknown end is replaced by the value."""
        found = self.value_of(row)
        if found is None:
            return None
        ends = (found.value if end is None else end for end in (found.lo, found.value, found.hi))
        lo, value, hi = (self.scale * end for end in ends)
        return lo, value, hi

    def span_of(self, rows: Sequence[Efficiency]) -> tuple[float, float] | None:
        """The ends of an axis that holds all intervals and the limit; None if no value is known."""
        found = [interval for row in rows if (interval := self.interval_of(row)) is not None]
        if not found:
            return None
        limits = [] if self.limit is None else [self.limit]
        least, most = min([*limits, *(lo for lo, _, _ in found)]), max([*limits, *(hi for _, _, hi in found)])
        return (least / 1.3, 1.3 * most) if self.logarithmic else (0, 1.08 * most)


def _quantities(aim: Aim) -> Sequence[_Quantity]:
    limit = None if aim.latency_limit_s is None else 1e3 * aim.latency_limit_s
    latency = f"{QUANTILE_WORDS[aim.quantile]} latency, ms"
    return (
        _Quantity("images/s", lambda row: row.images_per_s),
        _Quantity("images/s/W", lambda row: row.images_per_j, "power was not metered"),
        _Quantity(
            latency, lambda row: getattr(row, aim.quantile), "too few samples", 1e3, logarithmic=True, limit=limit
        ),
    )


def draw_efficiency(found: TradeOff, report: EfficiencyReport, caption: Caption) -> list[Figure]:
    """The pages of one network, with its choice, `found`, marked. No page is higher than A4 or letter paper."""
    rows = [row for row in report.rows if row.setting.inference.network == found.network]
    points = list(dict.fromkeys(row.setting.clocks for row in rows))
    page = _Page(found, report, caption, rows, several=len(points) > 1)
    most = page.fitting
    return [page.draw(points[start : start + most]) for start in range(0, len(points), most)]


@dataclass(frozen=True, slots=True)
class _Page:
    """What all pages of one network share. `several` says whether it ran at several clock points."""

    found: TradeOff
    report: EfficiencyReport
    caption: Caption
    rows: Sequence[Efficiency]
    several: bool

    @property
    def width_in(self) -> float:
        """The width of the page in inches."""
        return _LEFT_IN + MARGIN_IN + 3 * _PANEL_IN[0] + 2 * _GAP_IN + MARGIN_IN

    @property
    def phrases(self) -> list[str]:
        """What the heading says besides the caption of the run."""
        return ["95 % intervals"] + ([] if self.several else [clocks_words(self.rows[0].setting.clocks)])

    @property
    def choice(self) -> list[str]:
        """The choice in words, line by line."""
        words = f"Best for {aim_words(self.report.aim)}: {trade_off_words(self.found, self.report)}"
        return wrapped(words, self.width_in - 2 * MARGIN_IN, BODY_PT)

    @property
    def top_in(self) -> float:
        """Where the first row of panels begins, in inches from the top."""
        heading_in = heading_height_in(self.caption, self.phrases, self.width_in)
        return heading_in + 0.36 + (0.12 if self.several else 0.0)

    @property
    def foot_in(self) -> float:
        """The height below the last row of panels, in inches."""
        return _FOOT_IN + _KEY_IN + LINE_IN * len(self.choice) + 0.16

    @property
    def fitting(self) -> int:
        """How many rows fit on a page; at least one."""
        room_in = PAGE_IN - self.top_in - self.foot_in + _ROW_GAP_IN
        return max(1, int(room_in / (_PANEL_IN[1] + _ROW_GAP_IN)))

    def draw(self, points: Sequence[ClockPoint]) -> Figure:
        """Draw the page of these clock points."""
        top = self.top_in
        bottom = top + len(points) * (_PANEL_IN[1] + _ROW_GAP_IN) - _ROW_GAP_IN
        sheet = Sheet(self.width_in, bottom + self.foot_in)
        title = f"Throughput, efficiency and latency of {shortened(self.found.network)} by batch"
        sheet.heading(title, self.caption, self.phrases)
        looks = _looks(list(dict.fromkeys(map(_line, self.report.rows))), list(map(_line, self.rows)))
        for column, quantity in enumerate(_quantities(self.report.aim)):
            x = MARGIN_IN + _LEFT_IN + column * (_PANEL_IN[0] + _GAP_IN)
            sheet.title(x - 0.05, top - 0.16 - (0.14 if self.several else 0), quantity.title)
            for number, point in enumerate(points):
                y = top + number * (_PANEL_IN[1] + _ROW_GAP_IN)
                if self.several and not column:
                    sheet.note(x, y - 0.10, clocks_words(point))
                axes = sheet.axes(x, y, *_PANEL_IN)
                _prepare(axes, self.rows, quantity, last=number == len(points) - 1)
                if quantity.span_of(self.rows) is not None:
                    own = [row for row in self.rows if row.setting.clocks == point]
                    _draw_panel(axes, own, quantity, looks, self.found)
            sheet.note(x + _PANEL_IN[0] / 2, bottom + 0.34, "batch, images", ha="center")
        self._draw_key(sheet, bottom + _FOOT_IN, looks)
        sheet.lines(bottom + _FOOT_IN + _KEY_IN, self.choice)
        return sheet.figure

    def _draw_key(self, sheet: Sheet, y: float, looks: Mapping[_Line, _Look]) -> None:
        key = Key(sheet, y, gap_in=0.31)
        one_backend = len({backend for backend, _ in looks}) == 1
        for (backend, precision), look in looks.items():
            words = precision if one_backend else f"{plain(backend)} {precision}"
            key.plot(words, (0, 0.15, 0.30), words_in=0.39, markersize=3.6, linewidth=1.4, **look)
        if self.found.best:
            key.plot("best", (0.07,), words_in=0.23, marker="o", markersize=10, **_RING)
        if self.found.default:
            key.plot("default", (0.07,), words_in=0.23, marker="s", markersize=8, **_RING)
        if any(row.failure for row in self.rows):
            key.plot("failed", (0.07,), words_in=0.23, marker="x", markersize=6, color=QUIET)
        if (limit_s := self.report.aim.latency_limit_s) is not None:
            key.plot(f"limit, {1e3 * limit_s:g} ms", (0, 0.30), words_in=0.39, **_LIMIT)


def _line(row: Efficiency) -> _Line:
    return row.setting.inference.backend, row.setting.inference.precision


def _looks(lines: Sequence[_Line], wanted: Sequence[_Line]) -> Mapping[_Line, _Look]:
    """The matplotlib arguments of the `wanted` lines, chosen among all `lines` of the run: the same on every page."""
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
        if (backend, precision) in wanted
    }


def _prepare(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, *, last: bool) -> None:
    """Scale the axes for all `rows` of the network. Only the `last` panel in a column has the batches below it."""
    batches, span = sorted({row.setting.inference.batch for row in rows}), quantity.span_of(rows)
    axes.set_xscale("log", base=2)
    axes.set_xlim(batches[0] / 1.25, batches[-1] * 1.25)
    set_ticks(axes.xaxis, batches if len(batches) <= 9 else [n for n in batches if math.log2(n).is_integer()])
    axes.tick_params(labelbottom=last)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    style_axes(axes, "bottom")
    if span is None:
        axes.yaxis.set_major_locator(NullLocator())
        axes.text(0.5, 0.5, quantity.missing, transform=axes.transAxes, ha="center", color=QUIET, size=BODY_PT)
        return
    axes.set_yscale("log" if quantity.logarithmic else "linear")
    axes.set_ylim(*span)
    if quantity.logarithmic:
        set_ticks(axes.yaxis, round_ticks(*span, logarithmic=True))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def _draw_panel(
    axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, looks: Mapping[_Line, _Look], found: TradeOff
) -> None:
    if quantity.limit is not None:
        axes.axhline(quantity.limit, zorder=1, **_LIMIT)
    for line, look in looks.items():
        _draw_line(axes, [row for row in rows if _line(row) == line], quantity, look)
    _mark(axes, [row for row in rows if row is found.best], quantity, size=13)
    _mark(axes, [row for row in rows if row is found.default], quantity, size=10, marker="s")


def _draw_line(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, look: _Look) -> None:
    shown = [(row.setting.inference.batch, found) for row in rows if (found := quantity.interval_of(row)) is not None]
    axes.plot(
        [batch for batch, _ in shown], [value for _, (_, value, _) in shown], markersize=3.6, linewidth=1.4, **look
    )
    for batch, (lo, _, hi) in shown:
        if lo < hi:
            axes.plot((batch, batch), (lo, hi), color=look["color"], linewidth=3.2, alpha=0.35)
    for row in rows:
        if row.failure is not None and not row.windows:
            # At the lower end of the panel, wherever its scale begins.
            axes.plot(
                row.setting.inference.batch, 0, marker="x", markersize=6, color=look["color"], clip_on=False,
                zorder=4, transform=axes.get_xaxis_transform(),
            )  # fmt: skip


def _mark(axes: Axes, rows: Sequence[Efficiency], quantity: _Quantity, size: float, marker: str = "o") -> None:
    for row in rows:
        if (found := quantity.interval_of(row)) is not None:
            batch, (_, value, _) = row.setting.inference.batch, found
            axes.plot(batch, value, marker=marker, markersize=size, clip_on=False, zorder=5, **_RING)
