"""A run for Python."""

from __future__ import annotations

import sys
from fractions import Fraction
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


def test_latencies_are_given_for_a_cell_of_the_run_alone(tmp_path: Path) -> None:
    found = colocate.load(run(tmp_path / "a"), max_slowdown=2.0)
    assert found.latencies(found.verdicts[0].cell).shape == (300,)
    elsewhere = colocate.load(run(tmp_path / "b", network="/a/other.onnx")).cells[0]
    other: list[Any] = [elsewhere, *found.verdicts, None, 0]
    for each in other:
        with pytest.raises(SpecError, match=r"/a has no such cell; give one of \.cells"):
            found.latencies(each)


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


@pytest.mark.parametrize("limit", [np.float32(30), np.int64(30), np.float64(30), Fraction(30)])
def test_a_limit_may_be_a_number_of_numpy(tmp_path: Path, limit: Any) -> None:
    limits = colocate.load(run(tmp_path / "run"), slo_ms=limit, confidence=np.float64(0.9)).limits
    assert limits is not None and (limits.slo_s, limits.confidence) == (0.03, 0.9) and type(limits.slo_s) is float


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"slo_ms": "30"}, "slo_ms: give a number, not '30'"),
        ({"slo_ms": np.bool_(True)}, "slo_ms: give a number, not "),
        ({"slo_ms": 10**5000}, "slo_ms: give a number of at most 1e"),
        ({"slo_ms": -(10**5000)}, "slo_ms: give a number of at most 1e"),
        ({"confidence": 10**5000}, "confidence: give a number of at most 1e"),
        ({"without": "slo_ms"}, r"without: give a list of names, as in \['slo_ms'\], not 'slo_ms'"),
        ({"without": None}, r"without: give a list of names, as in \['slo_ms'\], not None"),
        ({"without": [3]}, r"without: give a list of names, .* not \[3\]"),
        ({"without": [["slo_ms"]]}, "without: give a list"),
    ],
)
def test_a_limit_of_the_wrong_kind_is_refused(tmp_path: Path, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        colocate.load(run(tmp_path / "run"), **wrong)


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
