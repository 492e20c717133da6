"""Fused layers and groups under the column names of layers.csv and layer-groups.csv."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from colocate.model.cell import Interval
from colocate.model.layers import FusedLayer
from colocate.model.quality import QualityFlag
from colocate.report.layers.load import LayersReport
from colocate.report.text.tables import Value, interval_columns
from colocate.study.layers import by_kind, by_module, grouped


def layer_row(layer: FusedLayer, report: LayersReport) -> Mapping[str, Value]:
    """The row of one layer in layers.csv; an unknown value is None."""
    return {
        "name": layer.full_name,
        "kind": layer.kind,
        "group": by_kind(layer),
        "module": layer.module,
        "layers": ";".join(layer.layers),
        "flop": layer.flop,
        "moved_bytes": layer.moved_bytes,
        **interval_columns("time_s", layer.time_s),
        "time_share": share_of(value_of(layer.time_s), report),
        "intensity_flop_per_byte": layer.intensity_flop_per_byte,
        "flop_per_s": layer.flop_per_s,
        **interval_columns("power_above_idle_w", layer.power_w),
        **interval_columns("energy_j", layer.energy_j),
        "warnings": _warnings_text(report.warnings_of(layer)),
        "within": " > ".join(layer.within),
        "precision": report.precision,
    }


def group_rows(report: LayersReport) -> list[Mapping[str, Value]]:
    """The rows of layer-groups.csv: each kind, each module, all layers, and the network run without profiling."""
    groups = [("kind", group) for group in grouped(report.fused_layers, by_kind)]
    groups += [("module", group) for group in grouped(report.fused_layers, by_module)]
    groups.append(("sum", report.everything))
    rows: list[Mapping[str, Value]] = [
        {
            "grouping": grouping,
            "name": group.name,
            "fused_layers": len(group.fused_layers),
            "time_s": group.time_s,
            "time_share": share_of(group.time_s, report),
            "energy_j": group.energy_j,
            "flop": group.flop,
            "moved_bytes": group.moved_bytes,
            "precision": report.precision,
            "warnings": _warnings_text(report.warnings) if grouping == "sum" else "",
        }
        for grouping, group in groups
    ]
    whole: Mapping[str, Value] = {
        "grouping": "whole",
        "name": report.inference.network,
        "time_s": value_of(report.whole_s),
        "energy_j": value_of(report.whole_j),
        "precision": report.precision,
    }
    return [*rows, {key: whole.get(key) for key in rows[0]}]


def _warnings_text(warnings: Iterable[QualityFlag]) -> str:
    return ";".join(warning.value for warning in warnings)


def value_of(interval: Interval | None) -> float | None:
    """The estimate without its interval; None if `interval` is None."""
    return None if interval is None else interval.value


def share_of(time_s: float | None, report: LayersReport) -> float | None:
    """The share of `time_s` in the time of all layers together; None if unknown."""
    everything_s = report.everything.time_s
    return None if time_s is None or not everything_s else time_s / everything_s


def layers_json(report: LayersReport) -> Mapping[str, Any]:
    """The layers and groups for `--json`."""
    found = report.balance
    return {
        "layers": [layer_row(layer, report) for layer in report.fused_layers],
        "groups": group_rows(report),
        "precision": report.precision,
        "warnings": [warning.value for warning in report.warnings],
        "difference_ratio": None if found is None else found.difference_ratio,
        "ceilings": None if report.ceilings is None else dataclasses.asdict(report.ceilings),
        "notes": list(report.notes),
    }
