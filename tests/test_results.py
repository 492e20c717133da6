"""A run for Python."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import colocate
from colocate.errors import HostError, SpecError, StoreError
from tests.report.compare.runs import run
from tests.rows import rows_of


def test_a_run_has_cells_verdicts_and_latencies(tmp_path: Path) -> None:
    found = colocate.load(run(tmp_path / "run"), slo_ms=30, percentile="p50")
    assert found.folder == tmp_path / "run" and found.limits is not None and found.limits.slo_s == 0.03
    assert [cell.task for cell in found.cells] == ["none", "mine"]
    assert [(each.cell.task, each.verdict.value) for each in found.verdicts] == [("mine", "SAFE")]
    latencies = found.latencies(found.cells[1])
    assert latencies.shape == (300,) and 0.01 <= np.median(latencies) <= 0.0102
    assert len(colocate.load(str(tmp_path / "run")).verdicts) == 0, "without limits there is nothing to judge by"


def test_latencies_of_a_cell_of_another_run_are_none(tmp_path: Path) -> None:
    found, other = colocate.load(run(tmp_path / "a")), colocate.load(run(tmp_path / "b", network="/a/other.onnx"))
    assert found.latencies(other.cells[0]).shape == (0,)


def test_rows_become_a_table_of_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = colocate.load(run(tmp_path / "run"), max_slowdown=2.0)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(HostError, match="pip install pandas"):
        found.cells.to_pandas()
    pandas = ModuleType("pandas")
    tables: list[list[dict[str, Any]]] = []
    vars(pandas)["DataFrame"] = tables.append
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    found.cells.to_pandas()
    found.verdicts.to_pandas()
    cells, verdicts = tables
    assert [row["task"] for row in cells] == ["none", "mine"] and cells[0]["slowdown_p50"] is None
    assert verdicts[0]["verdict"] == "SAFE" and verdicts[0]["decided_by"] == "slowdown_p95"


def test_what_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no run"):
        colocate.load(tmp_path)
    with pytest.raises(SpecError, match="did you mean 'slo_ms'"):
        colocate.load(run(tmp_path / "run"), slo_mss=30)


def test_a_report_writes_the_verdicts_under_the_limits_in_force(modelled_run: Path, tmp_path: Path) -> None:
    from tests.commands.command_line import colocate as command
    from tests.commands.command_line import copy_of

    folder = copy_of(modelled_run, tmp_path)
    assert not (folder / "verdicts.csv").exists()
    assert "## Cells" in (folder / "report.md").read_text()
    assert command("report", folder, "--power-budget-w", "9").returncode == 0
    rows = rows_of(folder / "verdicts.csv")
    assert {(row["gpu_hz"], row["task"]): row["verdict"] for row in rows}["76800000", "bitcount"] == "SAFE"
    assert {row["decided_by"] for row in rows} == {"power_w"} and {row["limit"] for row in rows} == {"9"}
    assert "1 SAFE, 3 UNSAFE, 0 UNDECIDED with power <= 9" in (folder / "report.md").read_text().replace("\\", "")
    assert command("report", folder).returncode == 0
    assert not (folder / "verdicts.csv").exists(), "limits of another report"
