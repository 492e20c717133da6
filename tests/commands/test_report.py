"""`colocate report`: all files again, from `run.sqlite` alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colocate.store.database import FILE_NAME
from tests.commands.command_line import colocate, copy_of, files_of, header_of, refused
from tests.rows import rows_of


def test_a_report_is_rebuilt_from_the_run_alone(tiny_run: Path, tmp_path: Path) -> None:
    run, before = copy_of(tiny_run, tmp_path), files_of(tiny_run)
    for name in before:
        (run / name).unlink()
    done = colocate("report", run, "--json", pictures=True)
    assert files_of(run) == before
    summary, planned = json.loads(done.stdout), header_of(run).planned
    assert (summary["done"], summary["planned"]) == (planned, planned)
    assert planned == 6 + 2 * bool(header_of(run).facts.rails)
    assert [cell["task"] for cell in summary["cells"]] == ["none", "bitcount"]


def test_a_report_on_settings_is_the_same_again_and_may_ask_otherwise(efficiency_run: Path, tmp_path: Path) -> None:
    run, before = copy_of(efficiency_run, tmp_path), files_of(efficiency_run)
    assert {f"figures/efficiency-alexnet.{kind}" for kind in ("png", "svg")} | {"efficiency.csv", "cells.csv"} <= {
        *before
    }
    for name in before:
        (run / name).unlink()
    assert colocate("report", run, pictures=True).returncode == 0
    assert files_of(run) == before
    summary = json.loads(colocate("report", run, "--json", "--slo-ms", "15").stdout)
    (choice,) = summary["trade_offs"]
    assert (choice["best"]["batch"], choice["best"]["precision"]) == (1, "fp16")
    assert choice["times_better_lo"] < choice["times_better"] < choice["times_better_hi"]
    assert [row["batch"] for row in rows_of(run / "efficiency.csv") if row["best"] == "1"] == ["1"]
    fading = ["--slo-ms", "1", "--utility", "fading", "--percentile", "p50"]
    assert json.loads(colocate("report", run, "--json", *fading).stdout)["trade_offs"][0]["best"] is not None


@pytest.mark.parametrize(
    ("content", "said"),
    [(bytes(range(256)) * 40, "file is not a database"), (b"", "is not a run of colocate"), (None, "holds no run")],
    ids=["no database", "empty", "absent"],
)
def test_a_damaged_run_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / FILE_NAME).write_bytes(content)
    refused(4, said, "report", tmp_path)


def test_another_aim_is_for_settings_alone(tiny_run: Path) -> None:
    said = "only a run of `colocate efficiency` has settings to choose from"
    refused(2, said, "report", tiny_run, "--utility", "fading")
    refused(2, "must be above 0", "report", tiny_run, "--slo-ms", "0")
