"""cells.csv: one row per cell. A new column is one line here, appended at the end, and one in docs/reference.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from colocate.model.cell import Cell
from colocate.model.containment import NONE, containment_words
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import Trial
from colocate.report.run_report import LoadedRun
from colocate.report.text.tables import Value, interval_columns, write_rows
from colocate.request.design import design_of

# For the names of the columns.
NO_CELL = Cell(Inference(""), "", "", ClockPoint(), 0, 0)


def setting_columns(cell: Cell, rig: str) -> Mapping[str, Value]:
    """Return the setting of `cell` by column name: the first columns of every table with a row per cell. Absent is
    None.
    """
    # What a user's program decides by itself is not known.
    loaded = cell.inference.pipeline is None
    return {
        "network": cell.inference.network,
        "task": cell.task,
        "containment": containment_words(cell.containment),
        "placement": cell.placement,
        "backend": cell.inference.backend,
        "precision": cell.inference.precision if loaded else None,
        "batch": cell.inference.batch if loaded else None,
        "graph": int(cell.inference.graph) if loaded else None,
        "wait": cell.inference.wait if loaded else None,
        "period_s": cell.inference.period_s,
        # A row that is copied elsewhere still says whether it was measured.
        "rig": rig,
        "cpu_hz": cell.clocks.cpu_hz,
        "gpu_hz": cell.clocks.gpu_hz,
        # A run that does not set the memory's clock has still read it.
        "emc_hz": cell.clocks.emc_hz or cell.emc_hz,
    }


def cell_row(cell: Cell, rig: str) -> Mapping[str, Value]:
    """Return one row of cells.csv by column name, of a run on `rig`. An absent value is None."""
    power_ends_w = cell.power_ends_w or (None, None)
    return {
        **setting_columns(cell, rig),
        "design": design_of(cell),
        "n": cell.n,
        "blocks": cell.blocks,
        "p50_s": cell.p50_s,
        "p95_s": cell.p95_s,
        "p99_s": cell.p99_s,
        **interval_columns("slowdown_p50", cell.slowdown_p50),
        **interval_columns("slowdown_p95", cell.slowdown_p95),
        **interval_columns("slowdown_p99", cell.slowdown_p99),
        **interval_columns("slowdown_mean", cell.slowdown_mean),
        "power_w": cell.power_w,
        "power_w_lo": power_ends_w[0],
        "power_w_hi": power_ends_w[1],
        "power_gpu_w": cell.power_gpu_w,
        "power_cpu_w": cell.power_cpu_w,
        "energy_per_inference_j": cell.energy_per_inference_j,
        "idle_power_w": cell.idle_power_w,
        "work_per_s": cell.work_per_s,
        **interval_columns("work_loss_ratio", cell.work_loss_ratio),
        "cause": cell.extra_time.largest[0].value if cell.extra_time else None,
        "temperature_c": cell.temperature_c,
        "miss_ratio": cell.miss_ratio,
        "longest_miss_run": cell.longest_miss_run,
        "warnings": ";".join(warning.value for warning in cell.warnings),
    }


def write_cells(run: LoadedRun) -> Path:
    """Write cells.csv into the folder of the run, and return its path. Raises StoreError or OSError if that fails."""
    path, rig = run.folder / "cells.csv", run.header.facts.rig
    write_rows(path, [cell_row(cell, rig) for cell in run.cells], columns=cell_row(NO_CELL, rig))
    return path


def trial_row(trial: Trial) -> Mapping[str, Value]:
    """The row of one planned trial by column name, for `--dry-run`."""
    return {
        "repeat": trial.repeat,
        "block": trial.block,
        "network": trial.inference.network if trial.inference else None,
        "task": trial.task.name if trial.task else None,
        "containment": containment_words(trial.task.containment) if trial.task else NONE,
        "placement": trial.placement.name,
        "design": design_of(trial),
        "cpu_hz": trial.clocks.cpu_hz,
        "gpu_hz": trial.clocks.gpu_hz,
        "emc_hz": trial.clocks.emc_hz,
        "trial_id": trial.trial_id,
    }
