"""cells.csv, column by column."""

from __future__ import annotations

from pathlib import Path

from colocate.model.cell import Interval
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, SweepSpec
from colocate.report.sweep.columns import cell_row, trial_row, write_cells
from colocate.study.plan import plan
from tests.report.drawn import cell, header, loaded
from tests.rows import rows_of
from tests.study.test_plan import facts
from tests.study.truth import NETWORK, TASK

COLUMNS = (
    "network,task,containment,placement,backend,precision,batch,graph,wait,period_s,rig,cpu_hz,gpu_hz,emc_hz,design,"
    "n,blocks,p50_s,p95_s,p99_s,slowdown_p50,slowdown_p50_lo,slowdown_p50_hi,slowdown_p95,slowdown_p95_lo,"
    "slowdown_p95_hi,slowdown_p99,slowdown_p99_lo,slowdown_p99_hi,slowdown_mean,slowdown_mean_lo,slowdown_mean_hi,"
    "power_w,power_w_lo,power_w_hi,power_gpu_w,power_cpu_w,energy_per_inference_j,idle_power_w,work_per_s,"
    "work_loss_ratio,work_loss_ratio_lo,work_loss_ratio_hi,cause,temperature_c,miss_ratio,longest_miss_run,warnings"
)


def test_a_run_without_a_cell_has_a_table_all_the_same(tmp_path: Path) -> None:
    path = write_cells(loaded([], folder=tmp_path))
    assert path == tmp_path / "cells.csv" and path.read_text() == f"{COLUMNS}\n"


def test_a_cell_is_a_row_that_says_where_it_comes_from(tmp_path: Path) -> None:
    full = cell(
        "/a/net.onnx", precision="fp16", batch=8, graph=True, period_s=0.04, clocks=ClockPoint(1_734_000_000, None),
        p99_s=0.02, slowdown_mean=Interval(1.2, 1.1, 1.3), power_w=8.5, miss_ratio=0.25, longest_miss_run=3,
        power_ends_w=(8.25, 8.75), warnings=(QualityFlag.TOO_FEW_FOR_P99, QualityFlag.OTHER_LOAD),
    )  # fmt: skip
    write_cells(loaded([full], of=header("tx1-model"), folder=tmp_path))
    ((row),) = rows_of(tmp_path / "cells.csv")
    assert ",".join(row) == COLUMNS
    filled = {name: value for name, value in row.items() if value}
    assert filled == {
        "network": "/a/net.onnx", "task": "jpeg", "placement": "isolated", "backend": "onnxruntime",
        "precision": "fp16", "batch": "8", "cpu_hz": "1734000000", "n": "1500", "blocks": "5", "p50_s": "0.0123",
        "p99_s": "0.02", "slowdown_p50": "1.13", "slowdown_p50_lo": "1.09", "slowdown_p50_hi": "1.17",
        "power_w": "8.5", "warnings": "too few samples for p99;other load", "graph": "1", "wait": "spin",
        "period_s": "0.04",
        "miss_ratio": "0.25", "longest_miss_run": "3", "rig": "tx1-model", "slowdown_mean": "1.2",
        "slowdown_mean_lo": "1.1", "slowdown_mean_hi": "1.3", "design": "steady", "containment": "none",
        "power_w_lo": "8.25", "power_w_hi": "8.75",
    }  # fmt: skip


def test_what_is_absent_is_none_and_what_is_nothing_is_zero() -> None:
    row = cell_row(cell(work_loss_ratio=Interval(0.0, None, None), p50_s=None), "host")
    assert (row["work_loss_ratio"], row["p50_s"], row["slowdown_p99_lo"], row["graph"]) == (0.0, None, None, 0)


def test_the_memory_clock_is_the_one_asked_for_and_else_the_one_seen() -> None:
    asked, seen = ClockPoint(emc_hz=1_600_000_000), 1_599_000_000
    assert cell_row(cell(clocks=asked, emc_hz=seen), "host")["emc_hz"] == asked.emc_hz
    assert cell_row(cell(emc_hz=seen), "host")["emc_hz"] == seen
    assert cell_row(cell(), "host")["emc_hz"] is None


def test_a_planned_trial_has_its_place_in_the_plan() -> None:
    trials = plan(SweepSpec((NETWORK,), (TASK,), repeats=2), facts(probes=("synthetic",)))
    rows = [trial_row(trial) for trial in trials]
    assert [(row["repeat"], row["block"]) for row in rows] == [(trial.repeat, trial.block) for trial in trials]
    assert {(row["network"], row["task"]) for row in rows} == {
        ("alexnet", None), ("alexnet", "bitcount"), (None, "bitcount")
    }  # fmt: skip
    assert len({row["trial_id"] for row in rows}) == len(trials)
    memory_hz = (68_000_000, 1_600_000_000)
    points = plan(
        SweepSpec((NETWORK,), (), emc_clocks=("low", "high")), facts(probes=("synthetic",), emc_steps_hz=memory_hz)
    )
    assert {trial_row(trial)["emc_hz"] for trial in points} == {*memory_hz}
