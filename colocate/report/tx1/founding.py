"""The plots of the founding study (Jetson TX1, 2017), drawn from a run that has the cells for them."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.request import Inference
from colocate.model.trial import FloatArray, TrialRecord
from colocate.report.drawing.paper import (
    HEADING_PT,
    MARGIN_IN,
    QUIET,
    RULE,
    SMALL_PT,
    Sheet,
    heading_height_in,
    round_ticks,
    text_width_in,
)
from colocate.report.text.captions import Caption
from colocate.report.text.labels import (
    clock_text,
    clocks_words,
    inference_label,
    inferences_of,
    placements_of,
    tasks_of,
)
from colocate.report.text.numbers import ratio_text
from colocate.study.rails import rail_roles
from colocate.study.stats import integrate, paired_ratio, sample_quantile

_NETWORKS = ("alexnet", "googlenet", "resnet152")
_BITCOUNT, _JPEGS, _STRINGSEARCH = "bitcount", ("jpeg", "jpeg-small"), "stringsearch"
_COLOURS, _MARKERS = ("#1a1a1a", "#b5367a", "#e58a2b"), ("o", "s", "^")
_GREYS, _DASHES = ("#1a1a1a", "#555555", "#8a8a8a"), ((0, ()), (0, (5, 2)), (0, (1, 1.5)))
_PANEL_IN, _GAP_IN, _SEAM_IN, _LEFT_IN, _HEAD_IN, _FOOT_IN = (3.0, 2.3), 0.45, 0.18, 0.62, 0.78, 0.66

# Arguments of matplotlib's `plot`.
_Look = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Study:
    """What the plots need. Each network was run in one way; `alone` has its cell by CPU and GPU clock.

    `gpu_hz` are the highest, middle and lowest: the page has room for three. `task_cpu_w` is the power of the CPU
    with a task alone, by task and CPU clock; `jpeg_ratio` the latency beside jpeg over that beside bitcount at the
    highest GPU clock, by network and CPU clock. `traffic_bytes` is the memory traffic of an inference of each
    network; empty where it is not known, as on a board.
    """

    networks: Sequence[Inference]
    cpu_hz: Sequence[int]
    gpu_hz: Sequence[int | None]
    alone: Mapping[tuple[str, int | None, int | None], Cell]
    jpeg: str
    task_cpus: int
    task_cpu_w: Mapping[tuple[str, int], float]
    jpeg_ratio: Mapping[tuple[str, int], Interval]
    traffic_bytes: Sequence[float]

    @property
    def mhz(self) -> FloatArray:
        """The CPU clocks in MHz (clocks,)."""
        return np.array(self.cpu_hz) / 1e6


def draw_founding_study(
    cells: Sequence[Cell], records: Sequence[TrialRecord], caption: Caption,
    networks: Mapping[str, Mapping[str, Any]],
) -> Figure | None:  # fmt: skip
    """Five panels on a page; None for a run without the study's networks, tasks, CPU clocks or power rails.

    `networks` are described as in the run's header. Which measure of memory the study compared is not known; here it
    is the traffic of one inference.
    """
    study = _study_of(cells, records, networks)
    if study is None:
        return None
    across = _LEFT_IN + _PANEL_IN[0] + _GAP_IN
    width = 2 * MARGIN_IN + 3 * across - _GAP_IN + 0.1
    labels = [inference_label(each, study.networks) for each in study.networks]
    phrases = [f"{network} {qualities}" for network, qualities in labels if qualities]
    phrases += [f"each task on {study.task_cpus} CPU{'s' if study.task_cpus > 1 else ''}"]
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


def _study_of(
    cells: Sequence[Cell], records: Sequence[TrialRecord], described: Mapping[str, Mapping[str, Any]]
) -> _Study | None:
    placement = next(iter(placements_of(cells)), None)
    own = [cell for cell in cells if cell.placement == placement]
    # Where a network was run in several ways, the first.
    networks = {inference.network: inference for inference in reversed(inferences_of(own))}
    jpeg = next((task for task in _JPEGS if task in tasks_of(own)), None)
    alone = {
        (cell.inference.network, cell.clocks.cpu_hz, cell.clocks.gpu_hz): cell
        for cell in own
        if cell.task == SOLO
        and cell.inference.network in _NETWORKS
        and networks[cell.inference.network] == cell.inference
        if None not in (cell.p50_s, cell.power_w, cell.power_gpu_w)
    }
    cpu_hz = sorted({hz for _, hz, _ in alone if hz is not None})
    gpu_hz = sorted({hz for *_, hz in alone}, key=lambda hz: hz or 0, reverse=True)
    if jpeg is None or len(cpu_hz) < 2 or len(alone) < len(_NETWORKS) * len(cpu_hz) * len(gpu_hz):
        return None
    here = [record for record in records if record.trial.placement.name == placement]
    task_w, tasks = _task_cpu_w(here), (_BITCOUNT, jpeg, _STRINGSEARCH)
    ratio = _latency_ratio([r for r in here if r.trial.clocks.gpu_hz == gpu_hz[0]], networks, jpeg)
    wanted_w, wanted = itertools.product((SOLO, *tasks), cpu_hz), itertools.product(_NETWORKS, cpu_hz)
    if not (task_w.keys() >= {*wanted_w} and ratio.keys() >= {*wanted}):
        return None
    shown = [gpu_hz[index] for index in sorted({0, len(gpu_hz) // 2, len(gpu_hz) - 1})]
    task_cpus = max(len(record.trial.placement.task_cpus) for record in here)
    told = [described.get(network, {}).get("memory_traffic_bytes") for network in _NETWORKS]
    traffic = [] if None in told else [float(each or 0.0) for each in told]
    inferences = [networks[network] for network in _NETWORKS]
    return _Study(inferences, cpu_hz, shown, alone, jpeg, task_cpus, task_w, ratio, traffic)


def _task_cpu_w(records: Sequence[TrialRecord]) -> dict[tuple[str, int], float]:
    """Mean power of the CPU without a network, by task and CPU clock; over all GPU clocks, for the GPU is idle."""
    found: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
    for record in records:
        trial, trace = record.trial, record.power
        if trial.inference is not None or trial.clocks.cpu_hz is None or trace is None or not len(trace.t_s):
            continue
        if rails := rail_roles(trace.rails).cpu:
            energy_j = integrate(trace.t_s, trace.power_w, 0.0, record.elapsed_s)[list(rails)].sum()
            task = SOLO if trial.task is None else trial.task.name
            found[task, trial.clocks.cpu_hz].append(float(energy_j) / record.elapsed_s)
    return {key: statistics.fmean(powers_w) for key, powers_w in found.items()}


def _latency_ratio(
    records: Sequence[TrialRecord], networks: Mapping[str, Inference], jpeg: str
) -> dict[tuple[str, int], Interval]:
    """Median latency beside jpeg over that beside bitcount, of the blocks that have both."""
    medians: defaultdict[tuple[str, int], defaultdict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for record in records:
        trial = record.trial
        if trial.inference is None or trial.task is None or trial.clocks.cpu_hz is None:
            continue
        if networks.get(trial.inference.network) == trial.inference and len(record.latencies_s):
            own = medians[trial.inference.network, trial.clocks.cpu_hz][trial.block]
            own[trial.task.name] = sample_quantile(record.latencies_s, 0.5)
    pairs = {
        key: [(own[_BITCOUNT], own[jpeg]) for own in blocks.values() if {_BITCOUNT, jpeg} <= own.keys()]
        for key, blocks in medians.items()
    }
    return {key: paired_ratio(*np.array(both).T) for key, both in pairs.items() if both}


class _Panel:
    """One plot: its title, a line under it, a line of key, and axes."""

    def __init__(self, sheet: Sheet, x: float, y: float) -> None:
        self._sheet, self._x, self._y = sheet, x, y

    def write(self, title: str, quantity: str, key: Sequence[tuple[str, _Look]]) -> None:
        """Write what is shown, the quantity with its unit, and the names of the series, each after a sample."""
        self._sheet.text(self._x, self._y + 0.08, title, HEADING_PT, weight="bold")
        self._sheet.text(self._x, self._y + 0.27, quantity, SMALL_PT, colour=QUIET)
        x = self._x
        for words, look in key:
            sample = self._sheet.axes(x, self._y + 0.38, 0.3, 0.14)
            sample.set_axis_off()
            sample.plot((0, 0.5, 1), (0, 0, 0), markevery=(1, 2), **look)
            self._sheet.text(x + 0.35, self._y + 0.45, words, SMALL_PT)
            x += 0.50 + text_width_in(words, SMALL_PT)

    def axes(self, right_in: float = 0.0, width_in: float = _PANEL_IN[0], title: str = "") -> Axes:
        """Axes so far right of their usual place."""
        x, y = self._x + _LEFT_IN + right_in, self._y + _HEAD_IN
        self._sheet.text(x + width_in / 2, y - 0.10, title, SMALL_PT, ha="center")
        axes = self._sheet.axes(x, y, width_in, _PANEL_IN[1])
        axes.tick_params(labelsize=SMALL_PT, length=3, pad=3, color=RULE)
        axes.spines[["right", "top"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(RULE)
        return axes

    def axes_of_cpu_clocks(self, study: _Study, *place: Any) -> Axes:
        """Axes over CPU clocks, with a tick at each where they are few; `place` as for `axes`."""
        axes = self.axes(*place)
        mhz = study.mhz.tolist()
        axes.xaxis.set_major_locator(FixedLocator(mhz if len(mhz) <= 3 else round_ticks(mhz[0], mhz[-1], False)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_xlabel("CPU MHz", fontsize=SMALL_PT, color=QUIET)
        axes.yaxis.grid(color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        return axes


def _look(number: int) -> _Look:
    return {"color": _COLOURS[number], "marker": _MARKERS[number], "markersize": 4, "linewidth": 1.4}


_NETWORK_KEY = [(network, _look(number)) for number, network in enumerate(_NETWORKS)]


def _draw_task_power(panel: _Panel, study: _Study) -> None:
    axes = panel.axes_of_cpu_clocks(study)
    tasks = (_BITCOUNT, study.jpeg, _STRINGSEARCH)
    key = [(task, _look(number)) for number, task in enumerate(tasks)]
    key.append(("no task", {"color": "#9a9a9a", "linewidth": 1.2, "linestyle": _DASHES[1]}))
    for task, (_, look) in zip((*tasks, SOLO), key, strict=True):
        axes.plot(study.mhz, [study.task_cpu_w[task, hz] for hz in study.cpu_hz], **look)
    axes.set_ylim(bottom=0)
    panel.write("CPU power of each task alone", "mean power of the CPU, W", key)


def _draw_normalised(panel: _Panel, study: _Study) -> None:
    cells = [study.alone[network, study.cpu_hz[-1], study.gpu_hz[0]] for network in _NETWORKS]
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
            axes.barh(y, ratio, height=0.8, color=_COLOURS[number])
            axes.text(ratio, y, f" {ratio_text(ratio)}", va="center", fontsize=SMALL_PT)
    axes.set_ylim(4 * len(quantities) - 1.3, -0.7)
    axes.set_xlim(0, 1.15 * max(value / values[0] for values in quantities.values() for value in values))
    axes.set_yticks([4 * group + 1 for group in range(len(quantities))], labels=list(quantities))
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axes.set_xlabel("alexnet = 1", fontsize=SMALL_PT, color=QUIET)
    bars = [(network, {**look, "marker": "", "linewidth": 6}) for network, look in _NETWORK_KEY]
    quantity = f"of an inference alone over alexnet's, {clocks_words(cells[0].clocks)}"
    title = "Latency, power and memory traffic" if study.traffic_bytes else "Latency and power"
    panel.write(title, quantity, bars)


def _draw_jpeg_cost(panel: _Panel, study: _Study) -> None:
    axes = panel.axes_of_cpu_clocks(study)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    for number, network in enumerate(_NETWORKS):
        found = [study.jpeg_ratio[network, hz] for hz in study.cpu_hz]
        # Side by side, so that their intervals do not hide one another.
        xs = study.mhz + (number - 1) * 0.012 * np.ptp(study.mhz)
        axes.plot(xs, [100 * (each.value - 1) for each in found], **_look(number))
        for x, each in zip(xs, found, strict=True):
            if each.lo is not None and each.hi is not None:
                axes.plot((x, x), (100 * (each.lo - 1), 100 * (each.hi - 1)), color=_COLOURS[number], linewidth=1.0)
    # Noise shall not fill the plot.
    lo, hi = axes.get_ylim()
    axes.set_ylim(min(lo, -1), max(hi, 1))
    panel.write(
        f"Latency beside {study.jpeg} \N{MINUS SIGN} beside {_BITCOUNT}",
        f"% of that beside {_BITCOUNT}, GPU {clock_text(study.gpu_hz[0])} MHz; 95 % intervals",
        _NETWORK_KEY,
    )


def _draw_latency(panel: _Panel, study: _Study, width_in: float) -> None:
    found_ms = {
        (network, gpu_hz): [1e3 * (study.alone[network, hz, gpu_hz].p50_s or 0.0) for hz in study.cpu_hz]
        for network in _NETWORKS
        for gpu_hz in study.gpu_hz
    }
    least, greatest = min(map(min, found_ms.values())) / 1.2, max(map(max, found_ms.values())) * 1.2
    own_in = (width_in + _SEAM_IN) / len(study.gpu_hz)
    for place, gpu_hz in enumerate(study.gpu_hz):
        axes = panel.axes_of_cpu_clocks(study, place * own_in, own_in - _SEAM_IN, f"GPU {clock_text(gpu_hz)} MHz")
        axes.set_yscale("log")
        axes.set_ylim(least, greatest)
        axes.yaxis.set_major_locator(FixedLocator(round_ticks(least, greatest, logarithmic=True)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.tick_params(axis="y", labelleft=place == 0)
        for number, network in enumerate(_NETWORKS):
            axes.plot(study.mhz, found_ms[network, gpu_hz], **_look(number))
    panel.write("Latency of each network alone", "median of an inference, ms (logarithmic)", _NETWORK_KEY)


def _draw_gpu_power_difference(panel: _Panel, study: _Study) -> None:
    axes = panel.axes_of_cpu_clocks(study)
    axes.axhline(0, color=QUIET, linewidth=0.8)
    key = []
    for place, gpu_hz in enumerate(study.gpu_hz):
        less, more = (
            np.array([study.alone[network, hz, gpu_hz].power_gpu_w or 0.0 for hz in study.cpu_hz])
            for network in ("googlenet", "resnet152")
        )
        look = {**_look(place), "color": _GREYS[place], "linestyle": _DASHES[place]}
        axes.plot(study.mhz, less - more, **look)
        key.append((f"{clock_text(gpu_hz)} MHz", look))
    panel.write("GPU power, googlenet \N{MINUS SIGN} resnet152", "each alone, mean, W, by GPU clock", key)
