"""The plots of the founding study (Jetson TX1, 2017), drawn from a run that has the cells for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from colocate.model.cell import SOLO, Cell
from colocate.model.request import ClockPoint
from colocate.model.trial import TrialRecord
from colocate.report.drawing.axes import round_ticks, set_ticks, style_axes
from colocate.report.drawing.colours import ALONE, BLACK, INK, QUIET, RULE, SERIES, SERIES_DASHES, SERIES_MARKERS
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import MARGIN_IN, SMALL_PT, Sheet, heading_height_in
from colocate.report.text.captions import Caption
from colocate.report.text.labels import clock_text, clocks_words, inference_label, memory_words
from colocate.report.text.numbers import counted, ratio_text
from colocate.report.tx1.founding_study import BITCOUNT, NETWORKS, STRINGSEARCH, FoundingStudy, founding_study_of

# The shades of the highest, middle and lowest clock of the GPU.
_GREYS = (INK, QUIET, "#8a8a8a")
_PANEL_IN, _GAP_IN, _SEAM_IN, _LEFT_IN, _HEAD_IN, _FOOT_IN = (3.0, 2.3), 0.45, 0.18, 0.62, 0.78, 0.66

# Arguments of matplotlib's `plot`.
_Look = Mapping[str, Any]


def draw_founding_study(
    cells: Sequence[Cell], records: Sequence[TrialRecord], caption: Caption,
    networks: Mapping[str, Mapping[str, Any]],
) -> Figure | None:  # fmt: skip
    """Five panels on a page; None for a run without the study's networks, tasks, CPU clocks or power rails.

    `networks` are the descriptions in the run's header. It is not known which measure of memory the study compared;
    here it is the memory traffic of one inference.
    """
    study = founding_study_of(cells, records, networks)
    if study is None:
        return None
    across = _LEFT_IN + _PANEL_IN[0] + _GAP_IN
    width = 2 * MARGIN_IN + 3 * across - _GAP_IN + 0.1
    labels = [inference_label(each, study.networks) for each in study.networks]
    phrases = [f"{network} {qualities}" for network, qualities in labels if qualities]
    phrases += [] if study.memory_hz is None else [memory_words(study.memory_hz)]
    phrases += [f"each task on {counted(study.task_cpus, 'CPU')}"]
    top = heading_height_in(caption, phrases, width) + 0.12
    down = _HEAD_IN + _PANEL_IN[1] + _FOOT_IN
    sheet = Sheet(width, top + 2 * down)
    sheet.heading("The plots of the founding study (2017), drawn from this run", caption, phrases)
    panels = [_Panel(sheet, MARGIN_IN + column * across, top + row * down) for row in (0, 1) for column in range(3)]
    _draw_task_power(panels[0], study)
    _draw_normalised(panels[1], study)
    _draw_jpeg_cost(panels[2], study)
    _draw_latency(panels[3], study, 2 * across - _LEFT_IN - _GAP_IN)
    _draw_gpu_power_difference(panels[5], study)
    return sheet.figure


class _Panel:
    """One plot: its title, a line under it, a line of key, and axes."""

    def __init__(self, sheet: Sheet, x: float, y: float) -> None:
        self._sheet, self._x, self._y = sheet, x, y

    def write(self, title: str, quantity: str, key: Sequence[tuple[str, _Look]]) -> None:
        """Write the title, the quantity with its unit, and the key: the name of each series after a sample of it."""
        self._sheet.title(self._x, self._y + 0.08, title)
        self._sheet.note(self._x, self._y + 0.27, quantity)
        samples = Key(self._sheet, self._y + 0.45, self._x, gap_in=0.15, colour=BLACK)
        for words, look in key:
            samples.plot(words, (0.015, 0.15, 0.285), words_in=0.35, markevery=(1, 2), **look)

    def axes(self, right_in: float = 0.0, width_in: float = _PANEL_IN[0], title: str = "") -> Axes:
        """Add axes, `right_in` inches right of their usual place, with `title` above them."""
        x, y = self._x + _LEFT_IN + right_in, self._y + _HEAD_IN
        self._sheet.text(x + width_in / 2, y - 0.10, title, SMALL_PT, ha="center")
        axes = self._sheet.axes(x, y, width_in, _PANEL_IN[1])
        style_axes(axes, "left", "bottom", pad_pt=3)
        return axes

    def axes_of_cpu_clocks(self, study: FoundingStudy, *place: Any) -> Axes:
        """Add axes over CPU clocks, with a tick at each if there are three at most; `place` is passed to `axes`."""
        axes = self.axes(*place)
        mhz = study.mhz.tolist()
        set_ticks(axes.xaxis, mhz if len(mhz) <= 3 else round_ticks(mhz[0], mhz[-1], False))
        axes.set_xlabel("CPU MHz", fontsize=SMALL_PT, color=QUIET)
        axes.yaxis.grid(color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        return axes


def _look(number: int) -> _Look:
    return {"color": SERIES[number], "marker": SERIES_MARKERS[number], "markersize": 4, "linewidth": 1.4}


_NETWORK_KEY = [(network, _look(number)) for number, network in enumerate(NETWORKS)]


def _draw_task_power(panel: _Panel, study: FoundingStudy) -> None:
    axes = panel.axes_of_cpu_clocks(study)
    tasks = (BITCOUNT, study.jpeg, STRINGSEARCH)
    key = [(task, _look(number)) for number, task in enumerate(tasks)]
    key.append(("no task", {"color": ALONE, "linewidth": 1.2, "linestyle": SERIES_DASHES[1]}))
    for task, (_, look) in zip((*tasks, SOLO), key, strict=True):
        axes.plot(study.mhz, [study.task_cpu_w[task, hz] for hz in study.cpu_hz], **look)
    axes.set_ylim(bottom=0)
    panel.write("CPU power of each task alone", "mean power of the CPU, W", key)


def _draw_normalised(panel: _Panel, study: FoundingStudy) -> None:
    cells = [study.alone[network, study.cpu_hz[-1], study.gpu_hz[0]] for network in NETWORKS]
    quantities = {
        "latency": [cell.p50_s or 0.0 for cell in cells],
        "power": [cell.power_w or 0.0 for cell in cells],
    }
    if study.traffic_bytes:
        quantities["memory\ntraffic"] = [*study.traffic_bytes]
    axes = panel.axes()
    for group, values in enumerate(quantities.values()):
        for number, value in enumerate(values):
            ratio, y = value / values[0], 4 * group + number
            axes.barh(y, ratio, height=0.8, color=SERIES[number])
            axes.text(ratio, y, f" {ratio_text(ratio)}", va="center", fontsize=SMALL_PT)
    axes.set_ylim(4 * len(quantities) - 1.3, -0.7)
    axes.set_xlim(0, 1.15 * max(value / values[0] for values in quantities.values() for value in values))
    axes.set_yticks([4 * group + 1 for group in range(len(quantities))], labels=list(quantities))
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("alexnet = 1", fontsize=SMALL_PT, color=QUIET)
    bars = [
        (network, {**look, "marker": "", "linewidth": 6, "solid_capstyle": "butt"}) for network, look in _NETWORK_KEY
    ]
    quantity = f"of an inference alone over alexnet's, {clocks_words(ClockPoint(study.cpu_hz[-1], study.gpu_hz[0]))}"
    title = "Latency, power and memory traffic" if study.traffic_bytes else "Latency and power"
    panel.write(title, quantity, bars)


def _draw_jpeg_cost(panel: _Panel, study: FoundingStudy) -> None:
    axes = panel.axes_of_cpu_clocks(study)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    for number, network in enumerate(NETWORKS):
        found = [study.jpeg_ratio[network, hz] for hz in study.cpu_hz]
        # Side by side, so that their intervals do not hide one another.
        xs = study.mhz + (number - 1) * 0.012 * np.ptp(study.mhz)
        axes.plot(xs, [100 * (each.value - 1) for each in found], **_look(number))
        for x, each in zip(xs, found, strict=True):
            if each.lo is not None and each.hi is not None:
                axes.plot((x, x), (100 * (each.lo - 1), 100 * (each.hi - 1)), color=SERIES[number], linewidth=1.0)
    # Noise shall not fill the plot.
    lo, hi = axes.get_ylim()
    axes.set_ylim(min(lo, -1), max(hi, 1))
    panel.write(
        f"Latency beside {study.jpeg} \u2212 beside {BITCOUNT}",
        f"% of that beside {BITCOUNT}, GPU {clock_text(study.gpu_hz[0])} MHz; 95 % intervals",
        _NETWORK_KEY,
    )


def _draw_latency(panel: _Panel, study: FoundingStudy, width_in: float) -> None:
    found_ms = {
        (network, gpu_hz): [1e3 * (study.alone[network, hz, gpu_hz].p50_s or 0.0) for hz in study.cpu_hz]
        for network in NETWORKS
        for gpu_hz in study.gpu_hz
    }
    least, greatest = min(map(min, found_ms.values())) / 1.2, max(map(max, found_ms.values())) * 1.2
    own_in = (width_in + _SEAM_IN) / len(study.gpu_hz)
    for place, gpu_hz in enumerate(study.gpu_hz):
        axes = panel.axes_of_cpu_clocks(study, place * own_in, own_in - _SEAM_IN, f"GPU {clock_text(gpu_hz)} MHz")
        axes.set_yscale("log")
        axes.set_ylim(least, greatest)
        set_ticks(axes.yaxis, round_ticks(least, greatest, logarithmic=True))
        axes.tick_params(axis="y", labelleft=place == 0)
        for number, network in enumerate(NETWORKS):
            axes.plot(study.mhz, found_ms[network, gpu_hz], **_look(number))
    panel.write("Latency of each network alone", "median of an inference, ms (logarithmic)", _NETWORK_KEY)


def _draw_gpu_power_difference(panel: _Panel, study: FoundingStudy) -> None:
    axes = panel.axes_of_cpu_clocks(study)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    key = []
    for place, gpu_hz in enumerate(study.gpu_hz):
        less, more = (
            np.array([study.alone[network, hz, gpu_hz].power_gpu_w or 0.0 for hz in study.cpu_hz])
            for network in ("googlenet", "resnet152")
        )
        look = {**_look(place), "color": _GREYS[place], "linestyle": SERIES_DASHES[place]}
        axes.plot(study.mhz, less - more, **look)
        key.append((f"{clock_text(gpu_hz)} MHz", look))
    panel.write("GPU power, googlenet \u2212 resnet152", "each alone, mean, W, by GPU clock", key)
