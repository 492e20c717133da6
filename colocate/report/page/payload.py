"""The data for the scripts of the page: the bounds that each cell's verdict rests on, and text for all else.

Bounds have full precision, so that the page judges as `study.advice` does. All else is text made here, so that
numbers look alike in tables, figures and page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.cell_key import CellKey
from colocate.model.limits import STATISTICS, Limits, Quantity
from colocate.model.provenance import Provenance
from colocate.model.quality import QualityFlag, in_order
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import FloatArray, TrialRecord
from colocate.report.advise.answer import FAR_SLOWER, ran, simpler_words
from colocate.report.sweep.latencies import latencies_of
from colocate.report.sweep.metrics import Scale
from colocate.report.text.captions import error_words
from colocate.report.text.causes import cause_short
from colocate.report.text.commands import shell_word
from colocate.report.text.labels import (
    ContainedTask,
    clocks_text,
    clocks_words,
    network_words,
    shortened,
    task_words,
    tasks_of,
)
from colocate.report.text.numbers import NOT_SIGNIFICANT, counted, ms_text, ratio_text, three_digits, unbroken
from colocate.study.bounds import Bounds
from colocate.study.evidence import Evidence
from colocate.study.simplicity import ALIKE_RATIO, complexity
from colocate.study.stats import sample_quantiles
from colocate.study.verdicts import absence
from colocate.study.work import NOTHING_RATIO

# The curve of a cell: these quantiles of all its latencies, closer where the tail is.
LEVELS = (0.0, 0.01, 0.025, *(step / 20 for step in range(1, 20)), 0.975, 0.99, 0.995, 0.999, 1.0)

# Few blocks can give an upper bound of 2e+09, which says no more than this.
ABSURD_RATIO = 100.0
LEAST_LATENCY_S, MOST_LATENCY_S = 1e-6, 1e3

Words = Callable[[float], str]
Place = tuple[Inference, str, ClockPoint]


@dataclass(frozen=True, slots=True)
class View:
    """One quantity that the page's matrix can show.

    `pooled` gives its value from all windows of a cell together, for cells without a value per block. `alone` is the
    `key` of the view to show in its place for the network alone.
    """

    key: str
    label: str
    unit: str
    scale: Scale
    text: Words
    pooled: Callable[[Cell], float | None] = lambda cell: None
    alone: str | None = None

    @property
    def quantity(self) -> Quantity | None:
        """The quantity that limits apply to; None if no limit applies to this view."""
        return Quantity(self.key) if self.key in set(Quantity) else None


def _ratio_text(value: float) -> str:
    # Limits are set to the third decimal, so that is where a bound has to be seen on one side of them.
    return f"{value:.3f}" if value < 10 else ratio_text(value) if value <= ABSURD_RATIO else f"> {ABSURD_RATIO:g}"


def _latency_text(value_s: float) -> str:
    # Few blocks can give ends that no clock could tell, or no one would wait for.
    if value_s < LEAST_LATENCY_S:
        return f"< {1e3 * LEAST_LATENCY_S:g}"
    return ms_text(value_s) if value_s <= MOST_LATENCY_S else f"> {1e3 * MOST_LATENCY_S:.0f}"


def _share_text(value: float) -> str:
    return unbroken(f"{100 * value:.1f} %".replace("-0.0 %", "0.0 %"))


def _slowdown(statistic: str) -> View:
    key, alone = Quantity.slowdown(statistic).value, Quantity.latency(statistic).value
    return View(key, f"slowdown {statistic}", "", Scale.RATIO, _ratio_text, alone=alone)


def _amount(key: str, label: str, unit: str, text: Words, pooled: Callable[[Cell], float | None]) -> View:
    return View(key, label, unit, Scale.AMOUNT, text, pooled)


VIEWS = (
    *map(_slowdown, STATISTICS),
    _amount(Quantity.LATENCY_P50.value, "latency p50", "ms", _latency_text, lambda cell: cell.p50_s),
    _amount(Quantity.LATENCY_P95.value, "latency p95", "ms", _latency_text, lambda cell: cell.p95_s),
    _amount(Quantity.LATENCY_P99.value, "latency p99", "ms", _latency_text, lambda cell: cell.p99_s),
    _amount(Quantity.LATENCY_MEAN.value, "latency mean", "ms", _latency_text, lambda cell: None),
    _amount(Quantity.POWER.value, "power", "W", three_digits, lambda cell: cell.power_w),
    _amount(
        "energy_per_inference_j", "energy per inference", "J", three_digits, lambda cell: cell.energy_per_inference_j
    ),
    View(Quantity.WORK_LOSS.value, "work lost", "", Scale.SHARE, _share_text),
)


def place_of(cell: Cell) -> Place:
    """What identifies a place for tasks: the network, how it is run, the placement and the clocks."""
    return cell.inference, cell.placement, cell.clocks


def payload(
    folder: str,
    evidence: Sequence[Evidence],
    judged: Sequence[Bounds],
    records: Iterable[TrialRecord],
    limits: Limits | None,
    provenance: Provenance | None = None,
) -> Mapping[str, Any]:
    """Return the page's data, ready for JSON. An absent value is null, and no number is infinite.

    `folder` is the name of the run's folder, for command lines. `evidence` covers all cells, and `judged` is what
    `study.bounds.bounds` makes of it. The page begins with `limits`. Only a model has `provenance`.
    """
    cells = [each.cell for each in evidence]
    contained = any(cell.containment is not None for cell in cells)
    places = list({place_of(cell): cell for cell in cells})
    inferences, tasks = list(dict.fromkeys(cell.inference for cell in cells)), tasks_of(cells)
    simplicity = sorted({complexity(cell) for cell in cells})
    warnings = warnings_of(cells)
    bounds = {id(each.evidence): each for each in judged}
    curves = {setting: _curve(latencies_s) for setting, latencies_s in latencies_of(cells, records).items()}
    return {
        "folder": shell_word(folder),
        "limits": {} if limits is None else {quantity.value: limit for quantity, limit in limits.by_quantity.items()},
        "views": [
            {"key": view.key, "label": view.label, "unit": view.unit, "scale": view.scale.name, "alone": view.alone}
            for view in VIEWS
        ],
        "levels": LEVELS,
        "alike_ratio": ALIKE_RATIO,
        "simpler": unbroken(simpler_words([cell for cell in cells if cell.task != SOLO])),
        "far_slower": FAR_SLOWER,
        "nothing_ratio": NOTHING_RATIO,
        "model_errors": {} if provenance is None else _model_errors(provenance),
        "networks": [network_words(inference, inferences, ", ") for inference in inferences],
        "places": [
            {
                "network": inferences.index(cell.inference),
                "placement": cell.placement,
                "clocks": unbroken(clocks_text(cell.clocks)),
                "at": unbroken(clocks_words(cell.clocks)),
            }
            for cell in {place_of(cell): cell for cell in cells}.values()
        ],
        "warnings": [unbroken(f"{warning.value}: {warning.remedy}") for warning in warnings],
        "cells": [
            {
                "place": places.index(place_of(each.cell)),
                "task": task_words(ContainedTask.of(each.cell), tasks),
                "ran": ran(each.cell, contained=contained),
                "complexity": simplicity.index(complexity(each.cell)),
                **_cell(each, bounds.get(id(each)), warnings, curves),
            }
            for each in evidence
        ],
    }


def _model_errors(provenance: Provenance) -> Mapping[str, Any]:
    """How far a model is off in each quantity that has published figures, as a ratio and in words."""
    return {
        quantity.value: {
            "ratio": error.median_ratio,
            "name": quantity.words,
            "words": unbroken(error_words(provenance, quantity.kind)),
        }
        for quantity in Quantity
        if (error := provenance.error_of(quantity.kind)) is not None
    }


def warnings_of(cells: Iterable[Cell]) -> tuple[QualityFlag, ...]:
    """The warnings that any of `cells` has, in enum order."""
    met = {warning for cell in cells for warning in cell.warnings}
    return in_order(met)


def _cell(
    each: Evidence,
    bounds: Bounds | None,
    warnings: Sequence[QualityFlag],
    curves: Mapping[CellKey, FloatArray],
) -> Mapping[str, Any]:
    cell = each.cell
    estimates = {} if bounds is None else bounds.estimates
    curve = curves.get(CellKey.of_cell(cell))
    return {
        "task_id": cell.task,
        "task_name": shortened(cell.task),
        "judged": bounds is not None,
        "size": f"{counted(cell.n, 'inference')} in {counted(cell.blocks, 'repeat')}",
        "shown": {view.key: shown for view in VIEWS if (shown := _shown(view, cell, bounds))},
        "rows": [
            *(row for view in VIEWS if (row := _row(view, cell, bounds))),
            *_miss_rows(cell),
            *_cause_rows(cell),
        ],
        "bounds": {
            quantity.value: [_finite(estimate.interval.value), estimate.interval.lo, estimate.interval.hi]
            for quantity, estimate in estimates.items()
        },
        "short": [quantity.value for quantity, estimate in estimates.items() if estimate.spread_log is None],
        "absent": {
            quantity.value: absence(each, quantity)
            for quantity in Quantity
            if bounds is not None and quantity not in estimates
        },
        "withheld": {
            quantity.value: ", ".join(warning.value for warning in each.withheld[quantity])
            for quantity in estimates
            if quantity in each.withheld
        },
        "latency_ms": {
            name: None if value_s is None else ms_text(value_s)
            for name, value_s in (("p50", cell.p50_s), ("p95", cell.p95_s), ("p99", cell.p99_s))
        },
        "max_ms": None if curve is None else three_digits(1e3 * float(curve[-1])),
        "power_w": cell.power_w,
        "work_share": each.work_share,
        "warnings": [warnings.index(warning) for warning in cell.warnings],
        "curve_ms": [] if curve is None else [float(f"{1e3 * value:.5g}") for value in curve],
    }


def interval_of(view: View, cell: Cell, bounds: Bounds | None) -> Interval | None:
    """Return the value with its simultaneous bounds. If no block has a value, return that of all windows together,
    without bounds; None if that is unknown too.
    """
    if bounds is not None and view.quantity is not None and (estimate := bounds.estimates.get(view.quantity)):
        return estimate.interval
    value = view.pooled(cell)
    return None if value is None else Interval(value, None, None)


def _shown(view: View, cell: Cell, bounds: Bounds | None) -> Mapping[str, Any] | None:
    """Return what a tile shows of `cell`: the value, its text, a mark if it is not significant, and the text of its
    bounds. None if there is no finite value.

    `significant` is also false if the bounds that would show a change are missing: then there is no colour and no
    mark.
    """
    found = interval_of(view, cell, bounds)
    if found is None or not math.isfinite(found.value):
        return None
    origin = view.scale.origin
    significant = origin is None or found.excludes(origin)
    marked = not significant and found.lo is not None and found.hi is not None
    return {
        "value": found.value,
        "words": view.text(found.value),
        "mark": NOT_SIGNIFICANT if marked else "",
        "span": span_words(found, view.text) or ("no interval" if bounds is not None and view.quantity else ""),
        "significant": significant,
    }


def _row(view: View, cell: Cell, bounds: Bounds | None) -> list[str] | None:
    """Return a line of the details of `cell`: name, value and simultaneous bounds; None if there is no finite
    value.
    """
    found = interval_of(view, cell, bounds)
    if found is None or not math.isfinite(found.value):
        return None
    value = "\u00a0".join(filter(None, (view.text(found.value), view.unit)))
    return [view.label, value, span_words(found, view.text)]


def _miss_rows(cell: Cell) -> list[list[str]]:
    """The details of a network with a period: the share of frames that took longer, and the longest run of them."""
    if cell.miss_ratio is None:
        return []
    longest = [["longest run of them", str(cell.longest_miss_run), ""]] if cell.longest_miss_run is not None else []
    return [["deadlines missed", unbroken(f"{100 * cell.miss_ratio:.3g} %"), ""], *longest]


def _cause_rows(cell: Cell) -> list[list[str]]:
    """The details of a network with a significant slowdown: what takes most of its extra time."""
    return [["cause", cause_short(cell.extra_time), ""]] if cell.extra_time else []


def span_words(interval: Interval, text: Words) -> str:
    """Return an interval without line breaks, `[1.09, 1.17]`; `≥ 1.09` or `≤ 1.17` with one end, nothing
    without any.
    """
    if interval.lo is None:
        words = "" if interval.hi is None else f"≤ {text(interval.hi)}"
    else:
        words = f"≥ {text(interval.lo)}" if interval.hi is None else f"[{text(interval.lo)}, {text(interval.hi)}]"
    return words.replace(" ", "\u00a0")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _curve(latencies_s: FloatArray) -> FloatArray:
    """The quantiles of `latencies_s` at `LEVELS`, in seconds."""
    return np.array(sample_quantiles(latencies_s, LEVELS))
