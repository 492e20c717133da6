"""Settings and choices under the column names of efficiency.csv and of `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.text.tables import Value, interval_columns
from colocate.study.efficiency import Efficiency
from colocate.study.trade_offs import TradeOff


def setting_row(row: Efficiency, report: EfficiencyReport) -> Mapping[str, Value]:
    """The row of one setting in efficiency.csv; an unknown value is None."""
    inference, clocks = row.setting.inference, row.setting.clocks
    return {
        "network": inference.network,
        "backend": inference.backend,
        "precision": inference.precision,
        "batch": inference.batch,
        "cpu_hz": clocks.cpu_hz,
        "gpu_hz": clocks.gpu_hz,
        "emc_hz": clocks.emc_hz,
        "n": row.n,
        "blocks": len(row.windows),
        **interval_columns("images_per_s", row.images_per_s),
        **interval_columns("p50_s", row.p50_s),
        **interval_columns("p99_s", row.p99_s),
        **interval_columns("power_w", row.power_w),
        **interval_columns("images_per_s_per_w", row.images_per_j),
        **interval_columns("energy_per_image_j", row.energy_per_image_j),
        "best": int(any(found.best is row for found in report.trade_offs)),
        "default": int(any(found.default is row for found in report.trade_offs)),
        "failure": row.failure,
        "warnings": ";".join(warning.value for warning in row.warnings),
        "graph": int(inference.graph),
        "wait": inference.wait,
        **interval_columns("p95_s", row.p95_s),
    }


def trade_off_row(found: TradeOff) -> Mapping[str, Any]:
    """One choice for `--json`: the best setting, and its ratios over the default setting."""
    best = None if found.best is None else found.best.setting
    return {
        "network": found.network,
        "best": best and {
            "backend": best.inference.backend, "precision": best.inference.precision, "batch": best.inference.batch,
            "cpu_hz": best.clocks.cpu_hz, "gpu_hz": best.clocks.gpu_hz, "emc_hz": best.clocks.emc_hz,
        },
        **interval_columns("times_better", found.times_better),
        **interval_columns("throughput_ratio", found.throughput_ratio),
        **interval_columns("latency_ratio", found.latency_ratio),
        "candidates": found.candidates,
        "undecided": len(found.without_power) + len(found.without_latency),
    }  # fmt: skip
