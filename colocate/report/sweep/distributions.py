"""Draw how the latencies of each network are distributed, alone and beside each task.

Each task has a line of its own, because curves on top of one another are hard to tell apart. A line shows the density
of the latencies as a filled shape, a long bar at p50, a short bar at p95 and a triangle at p99. Dots below it are the
inferences beyond the highest percentile that the data support: the slowest 1 % of thousands, or all of thirty. Time
is logarithmic: a slowdown moves the whole shape, and equal ratios are equal distances in every panel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.limits import Limits
from colocate.model.request import Inference
from colocate.model.trial import FloatArray, TrialRecord
from colocate.report.drawing.axes import round_ticks, set_ticks, style_axes
from colocate.report.drawing.colours import ACCENT, ALONE, INK, RULE
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import BODY_PT, MARGIN_IN, PAGE_IN, SMALL_PT, Sheet, heading_height_in
from colocate.report.sweep.latencies import latencies_of
from colocate.report.text.captions import Caption
from colocate.report.text.labels import (
    ContainedTask,
    clocks_words,
    inferences_of,
    network_words,
    placements_of,
    task_words,
    tasks_of,
)
from colocate.report.text.numbers import three_digits

_LINE_IN, _PLOT_IN, _PANEL_GAP_IN, _PLACEMENT_GAP_IN = 0.40, 3.9, 0.72, 0.35
# Right edges of the columns of numbers, from the right edge of the plot.
_NUMBERS_IN = {"p50 ms": 0.62, "p95 ms": 1.22, "p99 ms": 1.82, "max ms": 2.42, "n": 2.96}
_PANEL_IN = _PLOT_IN + max(_NUMBERS_IN.values())
_PLACEMENT_IN = _PANEL_IN + _PLACEMENT_GAP_IN
# Below the last panel and its gap: the axis, and the key.
_FOOT_IN = 0.68 + 0.50 - _PANEL_GAP_IN
_BINS = 160
_ALONE_DASH = (0, (2, 2))
# More dots than these across a plot fall on one another.
_DOTS_ACROSS = 350
_LIMIT = "#b3261e"


@dataclass(frozen=True, slots=True)
class _Spread:
    """The latencies of one cell from all its windows, in ms and sorted (n,), with the percentiles that they
    support.
    """

    latencies_ms: FloatArray
    p50_ms: float
    p95_ms: float | None
    p99_ms: float | None

    @property
    def loose_ms(self) -> FloatArray:
        """The latencies beyond the highest known percentile, in ms (m,); all of them if neither p95 nor p99 is
        known.
        """
        known_ms = self.p95_ms if self.p99_ms is None else self.p99_ms
        return self.latencies_ms if known_ms is None else self.latencies_ms[self.latencies_ms > known_ms]


_Spreads = Mapping[tuple[Inference, str, ContainedTask], _Spread]


def draw_distributions(
    cells: Sequence[Cell],
    records: Sequence[TrialRecord],
    caption: Caption,
    best: Cell | None = None,
    limits: Limits | None = None,
) -> list[Figure]:
    """Return pages with a panel for each network and placement; none if nothing was measured.

    The panels are at the clocks of the `best` choice, or at the highest clocks if it is None. They mark the latency
    limit of `limits`.
    """
    if not cells:
        return []
    highest = max((cell.clocks for cell in cells), key=lambda point: [hz or 0 for hz in point.by_axis.values()])
    clocks, which = (best.clocks, "clocks of the best choice") if best else (highest, "highest clocks")
    here = [cell for cell in cells if cell.clocks == clocks]
    spreads = _spreads(here, records)
    if not spreads:
        return []
    place = clocks_words(clocks)
    only_point = all(cell.clocks == clocks for cell in cells)
    phrases = [place if only_point else f"at the {which}, {place}"]
    placements = placements_of(here)
    phrases += placements if len(placements) == 1 else []
    plots = _Plots(inferences_of(here), placements, tasks_of(here), spreads, caption, phrases, limits)
    starts = range(0, len(plots.inferences), plots.fitting)
    return [plots.page(plots.inferences[start : start + plots.fitting]) for start in starts]


@dataclass(frozen=True, slots=True)
class _Plots:
    """What is drawn: a panel for each network and placement, a line in it for each task."""

    inferences: Sequence[Inference]
    placements: Sequence[str]
    tasks: Sequence[ContainedTask]
    spreads: _Spreads
    caption: Caption
    phrases: Sequence[str]
    limits: Limits | None

    @property
    def names(self) -> list[str]:
        """The names of the lines in a panel, one for each task."""
        return [task_words(task, self.tasks) for task in self.tasks]

    @property
    def left(self) -> float:
        """Where panels begin, right of the names, in inches."""
        return MARGIN_IN + 0.15 + max(text_width_in(name, BODY_PT) for name in self.names)

    @property
    def width(self) -> float:
        """The width of a page, in inches."""
        return self.left + len(self.placements) * _PLACEMENT_IN - _PLACEMENT_GAP_IN + MARGIN_IN

    @property
    def top(self) -> float:
        """Where the first panel begins, below the heading, in inches."""
        heading = heading_height_in(self.caption, self.phrases, self.width)
        return heading + (0.55 if len(self.placements) > 1 else 0.32)

    @property
    def step(self) -> float:
        """The distance from one network's panel to the next network's, in inches."""
        return _LINE_IN * len(self.tasks) + _PANEL_GAP_IN

    @property
    def fitting(self) -> int:
        """How many networks fit on a page."""
        return max(1, int((PAGE_IN - self.top - _FOOT_IN) / self.step))

    def page(self, inferences: Sequence[Inference]) -> Figure:
        """The page of these networks."""
        key_top = self.top + len(inferences) * self.step - _PANEL_GAP_IN + 0.68
        sheet = Sheet(self.width, key_top + 0.50)
        sheet.heading("Latency of each network alone and beside each task", self.caption, self.phrases)
        for number, inference in enumerate(inferences):
            self._draw_network(sheet, self.top + number * self.step, inference)
        for column, placement in enumerate(self.placements):
            x = self.left + column * _PLACEMENT_IN
            if len(self.placements) > 1:
                sheet.title(x + _PANEL_IN / 2, self.top - 0.47, placement, ha="center")
                sheet.rule(x, x + _PANEL_IN, self.top - 0.35)
            sheet.note(x + _PLOT_IN / 2, key_top - 0.32, "latency, ms (logarithmic)", ha="center")
        _draw_key(sheet, key_top, all_p99=all(spread.p99_ms is not None for spread in self.spreads.values()))
        return sheet.figure

    def _draw_network(self, sheet: Sheet, y: float, inference: Inference) -> None:
        sheet.title(MARGIN_IN, y - 0.14, network_words(inference, self.inferences, ", "))
        for line, name in enumerate(self.names):
            sheet.text(self.left - 0.12, y + (line + 0.6) * _LINE_IN, name, BODY_PT, ha="right")
        limits_ms = _limits_ms([spread for (owner, *_), spread in self.spreads.items() if owner == inference])
        for column, placement in enumerate(self.placements):
            x = self.left + column * _PLACEMENT_IN
            axes = sheet.axes(x, y, _PLOT_IN, _LINE_IN * len(self.tasks))
            own = [self.spreads.get((inference, placement, task)) for task in self.tasks]
            _draw_panel(axes, own, limits_ms)
            if self.limits is not None and self.limits.slo_s is not None:
                words = f"limit {1e3 * self.limits.slo_s:.6g} ms ({self.limits.percentile})"
                _draw_limit(sheet, axes, (x, y - 0.12), 1e3 * self.limits.slo_s, words)
            _write_numbers(sheet, x + _PLOT_IN, y, own)


def _spreads(cells: Sequence[Cell], records: Sequence[TrialRecord]) -> _Spreads:
    latencies = latencies_of(cells, records)
    return {
        (cell.inference, cell.placement, ContainedTask.of(cell)): _Spread(
            1e3 * np.sort(latencies[setting]),
            1e3 * cell.p50_s,
            None if cell.p95_s is None else 1e3 * cell.p95_s,
            None if cell.p99_s is None else 1e3 * cell.p99_s,
        )
        for cell in cells
        if cell.p50_s is not None and (setting := CellKey.of_cell(cell)) in latencies
    }


def _limits_ms(spreads: Sequence[_Spread]) -> tuple[float, float]:
    """Return the ends of one time axis for all of `spreads`, in ms. A lone extreme may lie outside, so that the bulk
    is wide.
    """
    if not spreads:
        return 1.0, 10.0
    least = min(spread.latencies_ms[0] for spread in spreads)
    greatest = max(spread.latencies_ms[-1] for spread in spreads)
    bulk_end = max(spread.p99_ms or spread.latencies_ms[-1] for spread in spreads)
    ceiling = bulk_end * (bulk_end / least) ** 0.5
    return float(least) / 1.01, 1.01 * float(min(greatest, max(ceiling, 1.05 * least)))


def _draw_panel(axes: Axes, spreads: Sequence[_Spread | None], limits_ms: tuple[float, float]) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*limits_ms)
    axes.set_ylim(-0.25, len(spreads) - 0.25)
    set_ticks(axes.xaxis, round_ticks(*limits_ms, logarithmic=True))
    set_ticks(axes.yaxis, ())
    style_axes(axes, "bottom")
    for number, spread in enumerate(spreads):
        if spread is not None:
            _draw_spread(axes, len(spreads) - 1 - number, spread, ACCENT if number else ALONE, limits_ms)
    if spreads[0] is not None:
        axes.axvline(spreads[0].p50_ms, color=ALONE, linewidth=0.8, linestyle=_ALONE_DASH, zorder=0)


def _draw_limit(sheet: Sheet, axes: Axes, place_in: tuple[float, float], limit_ms: float, words: str) -> None:
    """Draw a vertical line at the limit with `words` above it. If the limit lies beyond the axis, draw an arrow at
    that end.
    """
    (left, top), (begin, end) = place_in, axes.get_xlim()
    if limit_ms > end:
        sheet.text(left + _PLOT_IN, top, f"{words} \u2192", SMALL_PT, ha="right", colour=_LIMIT)
    elif limit_ms < begin:
        sheet.text(left, top, f"\u2190 {words}", SMALL_PT, colour=_LIMIT)
    else:
        axes.axvline(limit_ms, color=_LIMIT, linewidth=1.0, linestyle=_ALONE_DASH, zorder=0)
        share = float(np.log(limit_ms / begin) / np.log(end / begin))
        sheet.text(
            left + share * _PLOT_IN, top, words, SMALL_PT, ha="right" if share > 0.5 else "left", colour=_LIMIT
        )


def _draw_spread(axes: Axes, base: float, spread: _Spread, colour: str, limits_ms: tuple[float, float]) -> None:
    edges, heights = _silhouette(spread.latencies_ms, limits_ms)
    axes.stairs(base + 0.66 * heights, edges, baseline=base, fill=True, color=colour, alpha=0.55, linewidth=0)
    axes.plot(limits_ms, (base, base), color=RULE, linewidth=0.6, zorder=1)
    axes.plot((spread.p50_ms, spread.p50_ms), (base, base + 0.66), color=INK, linewidth=1.8, solid_capstyle="butt")
    if spread.p95_ms is not None:
        axes.plot((spread.p95_ms, spread.p95_ms), (base, base + 0.34), color=INK, linewidth=0.9)
    if spread.p99_ms is not None:
        axes.plot((spread.p99_ms, spread.p99_ms), (base, base + 0.34), color=INK, linewidth=0.9)
        axes.plot(spread.p99_ms, base + 0.36, marker="v", markersize=4, color=INK, linestyle="none")
    begin, end = limits_ms
    loose = spread.loose_ms[spread.loose_ms <= end]
    steps = np.unique(np.round(np.log(loose / begin) / np.log(end / begin) * _DOTS_ACROSS))
    dots_ms = begin * (end / begin) ** (steps / _DOTS_ACROSS)
    axes.plot(dots_ms, np.full(len(dots_ms), base - 0.11), ".", markersize=3, color=INK, markeredgewidth=0)
    if spread.latencies_ms[-1] > end:
        axes.plot(end, base - 0.11, marker=">", markersize=4, color=INK, linestyle="none", clip_on=False)


def _silhouette(latencies_ms: FloatArray, limits_ms: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Return the density over log time, with a maximum of 1: edges (bins + 1,) in ms and heights (bins,).

    The width of a bin is 2 IQR / n^(1/3) (Freedman and Diaconis 1981), between a 160th and a 20th of the axis. Twice
    the smaller half of the IQR replaces the IQR, which for two narrow peaks far apart is only their distance.
    """
    span = np.log(limits_ms[1] / limits_ms[0])
    halves = np.diff(np.quantile(np.log(latencies_ms), (0.25, 0.5, 0.75)))
    wanted = 4 * halves.min() / len(latencies_ms) ** (1 / 3)
    bins = int(np.ceil(span / np.clip(wanted, span / _BINS, span / 20)))
    edges = np.geomspace(*limits_ms, bins + 1)
    counts, _ = np.histogram(latencies_ms, edges)
    return edges, counts / max(1, counts.max())


def _write_numbers(sheet: Sheet, x: float, y: float, spreads: Sequence[_Spread | None]) -> None:
    for title, right in _NUMBERS_IN.items():
        sheet.note(x + right, y - 0.12, title, ha="right")
    for line, spread in enumerate(spreads):
        middle = y + (line + 0.6) * _LINE_IN
        if spread is None:
            sheet.text(x + _NUMBERS_IN["p50 ms"], middle, "-", BODY_PT, ha="right")
            continue
        numbers = (spread.p50_ms, spread.p95_ms, spread.p99_ms, float(spread.latencies_ms[-1]))
        words = ["-" if number is None else three_digits(number) for number in numbers]
        for right, word in zip(_NUMBERS_IN.values(), (*words, str(len(spread.latencies_ms))), strict=True):
            sheet.text(x + right, middle, word, BODY_PT, ha="right")


def _draw_key(sheet: Sheet, y: float, *, all_p99: bool) -> None:
    """Draw each mark of the panels once, with its meaning."""
    key = Key(sheet, y)
    key.plot("p50", marker="|", markersize=9.0, color=INK)
    key.plot("p95", marker="|", markersize=5.0, color=INK)
    key.plot("p99", marker="v", markersize=4.0, color=INK)
    key.plot("p50 alone", (0, 0), (0.096, -0.096), color=ALONE, linewidth=0.8, linestyle=_ALONE_DASH)
    key.plot(
        f"each inference beyond {'p99' if all_p99 else 'the highest percentile known'}",
        marker=".",
        markersize=3.0,
        color=INK,
    )
    key.plot("the maximum is off the axis", marker=">", markersize=4.0, color=INK)
    note = "Shapes: density over log time, each to the same height. p95 and p99 are shown where samples are enough."
    sheet.note(MARGIN_IN, y + 0.22, note)
