"""`colocate init`: a study file that a sweep takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from colocate.request.spec import make_spec
from colocate.request.study_file import read_study
from colocate.request.study_keys import StudyKeys
from tests.commands.command_line import colocate, refused


def test_a_study_file_for_a_board_is_run_as_it_is(tmp_path: Path) -> None:
    flags = ["--rig", "tx1-model", "--slo-ms", "30", "--power-budget-w", "9", "--containment", "none,idle"]
    done = colocate("init", "my study.toml", *flags, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Wrote my study.toml. Edit it, then run: python -m colocate sweep 'my study.toml'\n"
    )  # fmt: skip
    limits = make_spec(read_study(tmp_path / "my study.toml")).limits
    assert limits is not None and (limits.slo_s, limits.power_budget_w) == (0.03, 9.0)
    plan = colocate("sweep", tmp_path / "my study.toml", "--dry-run", "--json")
    assert plan.returncode == 0 and json.loads(plan.stdout)["rig"] == "tx1-model"


@pytest.mark.parametrize("said", ["95", "0.95", "P95", "p95"])
def test_a_percentile_is_written_by_its_name(said: str, tmp_path: Path) -> None:
    flags = ["--rig", "tx1-model", "--slo-ms", "30", "--percentile", said]
    assert colocate("init", "a.toml", *flags, cwd=tmp_path).returncode == 0
    assert '\npercentile = "p95"  # of the latency: p50, p95, p99 or mean\n' in (tmp_path / "a.toml").read_text()


def test_a_study_file_for_this_machine(tmp_path: Path) -> None:
    assert colocate("init", cwd=tmp_path).returncode == 0
    assert read_study(tmp_path / "study.toml")["networks"] == list(StudyKeys().networks)


@pytest.mark.parametrize(
    "flag",
    [
        *("--cpu-clocks=5", "--gpu-clocks=low,5", "--emc-clocks=5", "--inference-cpus=99", "--containment=cpus=9"),
        *("--networks=nowhere.onnx", "--networks=spin-1ms", "--until=decided", "--command=mine=true"),
        *("--repeats=10000", "--pipeline=mine=true", "--precision=fp8", "--wait=spin"),
    ],
)
def test_what_a_sweep_refuses_is_refused_and_no_file_is_written(flag: str, tmp_path: Path) -> None:
    done = colocate("init", "a.toml", "--rig", "tx1-model", "--networks", "alexnet", flag, cwd=tmp_path)
    swept = colocate("sweep", "--rig", "tx1-model", "--networks", "alexnet", flag, "--dry-run", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (swept.returncode, swept.stderr)
    assert done.returncode in (2, 3) and not (tmp_path / "a.toml").exists()


def test_a_name_of_two_lines_stays_on_one(tmp_path: Path) -> None:
    done = colocate("init", "a\nb.toml", "--rig", "tx1-model", cwd=tmp_path)
    assert done.stdout == "Wrote a\\nb.toml. Edit it, then run: python -m colocate sweep $'a\\nb.toml'\n"
    assert read_study(tmp_path / "a\nb.toml")["rig"] == "tx1-model"


def test_what_is_there_is_not_replaced(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("mine")
    refused(2, "study.toml is there already; name another file", "init", file, "--rig", "tx1-model")
    assert file.read_text() == "mine"
    refused(4, "cannot write", "init", tmp_path / "none" / "a.toml", "--rig", "tx1-model")
    refused(2, "did you mean 'alexnet'", "init", tmp_path / "b.toml", "--networks", "alexnett")
    assert not (tmp_path / "b.toml").exists()
