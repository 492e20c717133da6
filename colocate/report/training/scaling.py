"""Draw speed-up and energy over the number of devices, one line per batch and precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from colocate.model.cell import Interval
from colocate.report.drawing.axes import set_ticks, style_axes
from colocate.report.drawing.colours import QUIET, SERIES, SERIES_DASHES, SERIES_MARKERS
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import MARGIN_IN, Sheet, heading_height_in
from colocate.report.text.captions import Caption
from colocate.report.text.labels import plain, shortened
from colocate.report.training.load import TrainingReport
from colocate.study.training import Gain, TrainingChoice, TrainingSetting

_PANEL_IN, _GAP_IN, _LEFT_IN, _FOOT_IN = (3.1, 2.5), 0.65, 0.4, 0.66
_KEY_IN = 0.24
_IDEAL: Mapping[str, Any] = {"color": QUIET, "linewidth": 0.9, "linestyle": (0, (5, 3))}
# Keys in one line of the page.
_PER_LINE = 5
_Line = tuple[int, str]


def draw_scaling(choice: TrainingChoice, report: TrainingReport, caption: Caption) -> list[Figure]:
    """The page of the network of `choice`; empty if the network was trained on only one number of devices."""
    rows = [
        row
        for row in report.rows
        if row.cost.setting.inference.network == choice.network
        if row.cost.windows and (row.over_one_rank or row.training.ranks == 1)
    ]
    ranks = sorted({row.training.ranks for row in rows})
    if len(ranks) < 2:
        return []
    phrases = ["95 % intervals", "each line is one batch, shared by all devices"]
    width_in = 2 * MARGIN_IN + _LEFT_IN + 2 * _PANEL_IN[0] + _GAP_IN
    top = heading_height_in(caption, phrases, width_in) + 0.36
    bottom = top + _PANEL_IN[1]
    lines = list(dict.fromkeys(map(_line, rows)))
    # The last line of the key is the ideal's.
    key_lines = 1 + math.ceil(len(lines) / _PER_LINE)
    sheet = Sheet(width_in, bottom + _FOOT_IN + _KEY_IN * key_lines)
    sheet.heading(f"Training {shortened(choice.network)} on several devices", caption, phrases)
    panels: Sequence[tuple[str, Callable[[Gain], Interval | None]]] = (
        ("speed-up over one", lambda gain: gain.speed_up),
        ("energy per image over that on one", lambda gain: gain.energy_ratio),
    )
    for column, (title, value_of) in enumerate(panels):
        x = MARGIN_IN + _LEFT_IN + column * (_PANEL_IN[0] + _GAP_IN)
        sheet.title(x - 0.05, top - 0.16, title)
        axes = sheet.axes(x, top, *_PANEL_IN)
        axes.plot(ranks, [1] * len(ranks) if column else ranks, zorder=1, **_IDEAL)
        for number, line in enumerate(lines):
            _draw_line(axes, [row for row in rows if _line(row) == line], value_of, _look(number))
        _style(axes, ranks)
        sheet.note(x + _PANEL_IN[0] / 2, bottom + 0.34, "devices", ha="center")
    one = len({precision for _, precision in lines}) == 1
    for first in range(0, len(lines), _PER_LINE):
        key = Key(sheet, bottom + _FOOT_IN + _KEY_IN * (first // _PER_LINE))
        for number, (batch, precision) in list(enumerate(lines))[first : first + _PER_LINE]:
            words = f"batch {batch}" if one else f"batch {batch}, {plain(precision)}"
            key.plot(words, (0, 0.3), words_in=0.39, markersize=3.6, **_look(number))
    key = Key(sheet, bottom + _FOOT_IN + _KEY_IN * (key_lines - 1))
    key.plot(
        "ideal: as many times as fast as there are devices, for the same energy", (0, 0.3), words_in=0.39, **_IDEAL
    )
    return [sheet.figure]


def _line(row: TrainingSetting) -> _Line:
    return row.cost.setting.inference.batch, row.cost.setting.inference.precision


def _look(number: int) -> Mapping[str, Any]:
    return {
        "color": SERIES[number % len(SERIES)],
        "marker": SERIES_MARKERS[number % len(SERIES_MARKERS)],
        "linestyle": SERIES_DASHES[number // len(SERIES) % len(SERIES_DASHES)],
    }


def _draw_line(
    axes: Axes,
    rows: Sequence[TrainingSetting],
    value_of: Callable[[Gain], Interval | None],
    look: Mapping[str, Any],
) -> None:
    shown = [
        (row.training.ranks, found)
        for row in rows
        if row.over_one_rank is not None and (found := value_of(row.over_one_rank)) is not None
    ]
    if not shown:
        return
    shown.sort(key=lambda point: point[0])
    axes.plot([1, *(ranks for ranks, _ in shown)], [1, *(found.value for _, found in shown)], markersize=3.6, **look)
    for ranks, found in shown:
        if found.lo is not None and found.hi is not None:
            axes.plot((ranks, ranks), (found.lo, found.hi), color=look["color"], linewidth=3.2, alpha=0.35)


def _style(axes: Axes, ranks: Sequence[int]) -> None:
    axes.set_xlim(0.8, ranks[-1] + 0.2)
    axes.set_ylim(bottom=0)
    set_ticks(axes.xaxis, ranks)
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axes.set_axisbelow(True)
    style_axes(axes, "bottom")
