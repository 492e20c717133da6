"""Energy of an epoch against its time, one mark per setting with its accuracy, and the Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from colocate.report.drawing.axes import round_ticks, set_ticks, style_axes
from colocate.report.drawing.colours import QUIET, SERIES, SERIES_MARKERS
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
from colocate.report.training.words import accuracy_words, aim_words, choice_words, devices_words
from colocate.study.training import TrainingChoice, TrainingSetting

_PLOT_IN, _LEFT_IN = (5.9, 3.9), 0.55
_FOOT_IN, _KEY_IN = 0.62, 0.24
CHOSEN: Mapping[str, Any] = {"color": "#2166ac", "markerfacecolor": "none", "markeredgewidth": 1.3, "marker": "o"}
_FRONT: Mapping[str, Any] = {"color": QUIET, "linewidth": 0.9, "linestyle": (0, (5, 3))}
_SPREAD = 1.25
_KILO_FROM_J = 10_000


def draw_training(choice: TrainingChoice, report: TrainingReport, caption: Caption) -> list[Figure]:
    """The page of the network that `choice` is of; none where no energy was metered."""
    rows = [row for row in report.rows if row.cost.setting.inference.network == choice.network]
    shown = [row for row in rows if row.epoch_s is not None and row.epoch_j is not None]
    if not shown:
        return []
    phrases = ["95 % intervals", "each mark with its batch and accuracy"]
    width_in = max(MIN_WIDTH_IN, 2 * MARGIN_IN + _LEFT_IN + _PLOT_IN[0])
    words = wrapped(
        f"Chosen for {aim_words(report.aim)}: {choice_words(choice, report)}", width_in - 2 * MARGIN_IN, BODY_PT
    )
    top = heading_height_in(caption, phrases, width_in) + 0.30
    bottom = top + _PLOT_IN[1]
    looks = training_looks(rows)
    sheet = Sheet(width_in, bottom + _FOOT_IN + 2 * _KEY_IN + LINE_IN * len(words))
    sheet.heading(f"Energy and time of an epoch of {shortened(choice.network)}", caption, phrases)
    scale, unit = _unit(shown)
    sheet.title(MARGIN_IN + _LEFT_IN - 0.05, top - 0.16, f"energy of an epoch, {unit}")
    axes = sheet.axes(MARGIN_IN + _LEFT_IN, top, *_PLOT_IN)
    _prepare(axes, shown, scale)
    for row in shown:
        _draw_mark(axes, row, scale, looks[look_of(row)])
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
    """What settings of one colour and marker share: the devices and the precision."""
    return devices_words(row.training), row.cost.setting.inference.precision


def training_looks(rows: Sequence[TrainingSetting]) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Colours tell precisions, markers how many devices there are."""
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
    """A symbol for each."""
    one = len({precision for _, precision in looks}) == 1
    for (device, precision), look in looks.items():
        key.plot(device if one else f"{device}, {plain(precision)}", (0.07,), words_in=0.2, markersize=5, **look)


def _unit(rows: Sequence[TrainingSetting]) -> tuple[float, str]:
    """By what joules are multiplied, and the unit that they have then."""
    most_j = max(row.epoch_j.value for row in rows if row.epoch_j is not None)
    return (1.0, "J") if most_j < _KILO_FROM_J else (1e-3, "kJ")


def _point(row: TrainingSetting, scale: float) -> tuple[float, float]:
    assert row.epoch_s is not None and row.epoch_j is not None
    return row.epoch_s.value, scale * row.epoch_j.value


def _prepare(axes: Axes, rows: Sequence[TrainingSetting], scale: float) -> None:
    """Logarithmic axes that hold every setting: two GPUs halve a time whatever it is."""
    for axis, set_scale, limits, values in (
        (axes.xaxis, axes.set_xscale, axes.set_xlim, [_point(row, scale)[0] for row in rows]),
        (axes.yaxis, axes.set_yscale, axes.set_ylim, [_point(row, scale)[1] for row in rows]),
    ):
        least, most = min(values) / _SPREAD, max(values) * _SPREAD
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
    words = ", ".join(filter(None, (str(row.cost.setting.inference.batch), accuracy_words(row.accuracy))))
    axes.annotate(words, (time_s, energy), (6, 4), textcoords="offset points", fontsize=SMALL_PT, color=QUIET)
