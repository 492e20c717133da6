"""Draw the energy of an epoch over its time: a mark for each setting, and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from colocate.report.drawing.axes import round_ticks, set_ticks, style_axes
from colocate.report.drawing.colours import QUIET, SERIES, SERIES_MARKERS
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import (
    BODY_PT,
    LINE_IN,
    MARGIN_IN,
    MIN_WIDTH_IN,
    SMALL_PT,
    Sheet,
    heading_height_in,
    wrapped,
)
from colocate.report.text.captions import Caption
from colocate.report.text.labels import plain, shortened
from colocate.report.training.load import TrainingReport
from colocate.report.training.words import (
    accuracy_words,
    aim_words,
    choice_words,
    devices_words,
    epoch_unit,
    measured,
)
from colocate.study.training import TrainingChoice, TrainingSetting

_PLOT_IN, _LEFT_IN = (5.9, 3.9), 0.55
_FOOT_IN, _KEY_IN = 0.62, 0.24
CHOSEN: Mapping[str, Any] = {"color": "#2166ac", "markerfacecolor": "none", "markeredgewidth": 1.3, "marker": "o"}
_FRONT: Mapping[str, Any] = {"color": QUIET, "linewidth": 0.9, "linestyle": (0, (5, 3))}
_SPREAD, _WIDEST = 1.15, 2.0
# Where a label may stand beside its mark, in points, the best first.
_BESIDE: Sequence[tuple[float, float, str]] = ((6, 4, "left"), (6, -12, "left"), (-6, 4, "right"), (-6, -12, "right"))
_POINT_IN = 1 / 72
# Left, bottom, right and top, in inches.
_Box = tuple[float, float, float, float]


def draw_training(choice: TrainingChoice, report: TrainingReport, caption: Caption) -> list[Figure]:
    """The page of the network of `choice`; empty if no setting has time and energy."""
    rows = [row for row in report.rows if row.cost.setting.inference.network == choice.network]
    shown = [row for row in rows if row.epoch_s is not None and row.epoch_j is not None]
    if not shown:
        return []
    phrases = ["95 % intervals", f"each mark with its batch{' and accuracy' if measured(report) else ''}"]
    width_in = max(MIN_WIDTH_IN, 2 * MARGIN_IN + _LEFT_IN + _PLOT_IN[0])
    words = wrapped(
        f"Chosen for {aim_words(report)}: {choice_words(choice, report)}", width_in - 2 * MARGIN_IN, BODY_PT
    )
    top = heading_height_in(caption, phrases, width_in) + 0.30
    bottom = top + _PLOT_IN[1]
    looks = training_looks(rows)
    sheet = Sheet(width_in, bottom + _FOOT_IN + 2 * _KEY_IN + LINE_IN * len(words))
    sheet.heading(f"Energy and time of an epoch of {shortened(choice.network)}", caption, phrases)
    scale, unit = epoch_unit(shown)
    sheet.title(MARGIN_IN + _LEFT_IN - 0.05, top - 0.16, f"energy of an epoch, {unit}")
    axes = sheet.axes(MARGIN_IN + _LEFT_IN, top, *_PLOT_IN)
    _prepare(axes, shown, scale)
    for row in shown:
        _draw_mark(axes, row, scale, looks[look_of(row)])
    _write_labels(axes, shown, scale)
    front = [_point(row, scale) for row in choice.front]
    axes.plot([time for time, _ in front], [energy for _, energy in front], zorder=1, **_FRONT)
    if choice.best is not None and choice.best in shown:
        time_s, energy = _point(choice.best, scale)
        axes.plot(time_s, energy, markersize=13, zorder=5, **CHOSEN)
    sheet.note(MARGIN_IN + _LEFT_IN + _PLOT_IN[0] / 2, bottom + 0.34, "time of an epoch, s", ha="center")
    key = Key(sheet, bottom + _FOOT_IN)
    draw_looks(key, looks)
    key = Key(sheet, bottom + _FOOT_IN + _KEY_IN)
    key.plot("Pareto front", (0, 0.30), words_in=0.39, **_FRONT)
    if choice.best is not None:
        key.plot("chosen", (0.07,), words_in=0.23, markersize=10, **CHOSEN)
    sheet.lines(bottom + _FOOT_IN + 2 * _KEY_IN, words)
    return [sheet.figure]


def look_of(row: TrainingSetting) -> tuple[str, str]:
    """The devices and the precision of a setting, which decide its marker and its colour."""
    return devices_words(row.training), row.cost.setting.inference.precision


def training_looks(rows: Sequence[TrainingSetting]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """The matplotlib arguments of each `look_of` a row: a colour per precision, a marker per number of devices."""
    found = list(dict.fromkeys(map(look_of, rows)))
    devices, precisions = (list(dict.fromkeys(part)) for part in zip(*found, strict=True))
    return {
        (device, precision): {
            "color": SERIES[precisions.index(precision) % len(SERIES)],
            "marker": SERIES_MARKERS[devices.index(device) % len(SERIES_MARKERS)],
        }
        for device, precision in found
    }


def draw_looks(key: Key, looks: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
    """Draw the key: a symbol for each look, with its devices and precision."""
    one = len({precision for _, precision in looks}) == 1
    for (device, precision), look in looks.items():
        key.plot(device if one else f"{device}, {plain(precision)}", (0.07,), words_in=0.2, markersize=5, **look)


def _point(row: TrainingSetting, scale: float) -> tuple[float, float]:
    assert row.epoch_s is not None and row.epoch_j is not None
    return row.epoch_s.value, scale * row.epoch_j.value


def _prepare(axes: Axes, rows: Sequence[TrainingSetting], scale: float) -> None:
    """Make both axes logarithmic, so that equal ratios look equal. They hold all values and most of each interval."""
    for axis, set_scale, limits, times, intervals in (
        (axes.xaxis, axes.set_xscale, axes.set_xlim, 1.0, [row.epoch_s for row in rows]),
        (axes.yaxis, axes.set_yscale, axes.set_ylim, scale, [row.epoch_j for row in rows]),
    ):
        values = [times * end for each in intervals if each for end in (each.value, each.lo, each.hi) if end]
        # A setting whose seeds differ widely does not squeeze the others into a corner.
        known = [times * each.value for each in intervals if each]
        least = max(min(values), min(known) / _WIDEST) / _SPREAD
        most = min(max(values), max(known) * _WIDEST) * _SPREAD
        set_scale("log")
        limits(least, most)
        set_ticks(axis, round_ticks(least, most, logarithmic=True))
    axes.grid(color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    style_axes(axes, "bottom", "left")


def _draw_mark(axes: Axes, row: TrainingSetting, scale: float, look: Mapping[str, Any]) -> None:
    (time_s, energy), energy_j, epoch_s = _point(row, scale), row.epoch_j, row.epoch_s
    assert energy_j is not None and epoch_s is not None
    if energy_j.lo is not None and energy_j.hi is not None:
        axes.plot((time_s, time_s), (scale * energy_j.lo, scale * energy_j.hi), color=look["color"], alpha=0.35)
    if epoch_s.lo is not None and epoch_s.hi is not None:
        axes.plot((epoch_s.lo, epoch_s.hi), (energy, energy), color=look["color"], alpha=0.35)
    axes.plot(time_s, energy, linestyle="none", markersize=5, **look)


def _write_labels(axes: Axes, rows: Sequence[TrainingSetting], scale: float) -> None:
    """Write batch and accuracy beside each mark, if possible where they cover neither a mark nor another label."""
    marks = {id(row): axes.transData.transform(_point(row, scale)) / axes.figure.dpi for row in rows}
    taken = [(x - 0.05, y - 0.05, x + 0.05, y + 0.05) for x, y in marks.values()]
    for row in rows:
        words = ", ".join(filter(None, (str(row.cost.setting.inference.batch), accuracy_words(row.accuracy))))
        x, y = marks[id(row)]
        boxes = [_label_box(x, y, place, text_width_in(words, SMALL_PT)) for place in _BESIDE]
        free = [number for number, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
        number = free[0] if free else 0
        taken.append(boxes[number])
        dx, dy, side = _BESIDE[number]
        axes.annotate(
            words, _point(row, scale), (dx, dy), textcoords="offset points", fontsize=SMALL_PT, color=QUIET, ha=side
        )


def _label_box(x: float, y: float, place: tuple[float, float, str], width_in: float) -> _Box:
    dx, dy, side = place
    left = x + dx * _POINT_IN - (width_in if side == "right" else 0)
    bottom = y + dy * _POINT_IN
    return left, bottom, left + width_in, bottom + SMALL_PT * _POINT_IN


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
