"""`colocate efficiency` as a user meets it, in virtual time and on small networks."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from colocate.report.efficiency.efficiency import print_efficiency
from rich.console import Console

from colocate.errors import SpecError
from colocate.model.request import ClockPoint, Inference
from colocate.report.write import write_report
from colocate.rigs.registry import make_rig
from colocate.spec import make_spec, read_study
from colocate.store import FILE_NAME, Run
from colocate.study.efficiency import Efficiency, Setting, default_setting
from tests.rows import rows_of
from tests.test_cli import colocate

SHORT = ["--repeats", "2", "--window", "0.1", "--warmup", "0.02", "--settle", "0", "--placement", "shared"]
# NVIDIA, GPU-Based Deep Learning Inference (November 2015): AlexNet at GPU 690 MHz, W of processor and memory.
PUBLISHED = {("fp32", 1): (47, 5.5), ("fp16", 1): (67, 5.1), ("fp32", 128): (155, 6.0), ("fp16", 128): (258, 5.7)}


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("efficiency") / "run"
    done = colocate(
        "efficiency", "--rig", "tx1-model", "--networks", "alexnet", "--batches", "1,128", "--cpu-clocks", "high",
        "--gpu-clocks", "691.2", "--repeats", "3", "--out", folder, "--quiet", "--latency-limit-ms", "600",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "alexnet: tensorrt fp16 batch 128, 1734/691.2 MHz: " in done.stdout
    assert "times better than tensorrt fp32 batch 1, 1734/691.2 MHz" in done.stdout
    assert "best.toml" in done.stdout
    return folder


def test_the_four_published_settings(alexnet: Path) -> None:
    constants = {row["name"]: float(row["value"]) for row in rows_of(alexnet / "constants.csv")}
    found = rows_of(alexnet / "efficiency.csv")
    assert len(found) == len(PUBLISHED)
    for row in found:
        images_per_s, power_w = PUBLISHED[row["precision"], int(row["batch"])]
        assert float(row["images_per_s"]) == pytest.approx(images_per_s, rel=0.25), row
        # The meter shows the whole board; what was published is without the rest of it.
        assert float(row["power_w"]) - constants["board_w"] == pytest.approx(power_w, rel=0.20), row


def test_the_quantities_fit_together(alexnet: Path) -> None:
    for row in rows_of(alexnet / "efficiency.csv"):
        number = {name: float(text) for name, text in row.items() if name.split("_lo")[0].endswith(("_s", "_w", "_j"))
                  and text}  # fmt: skip
        assert number["images_per_s_per_w"] == pytest.approx(number["images_per_s"] / number["power_w"])
        assert number["energy_per_image_j"] == pytest.approx(1 / number["images_per_s_per_w"])
        assert float(row["images_per_s_lo"]) < number["images_per_s"] < float(row["images_per_s_hi"])
        assert number["p50_s"] < number["p99_s"]
    assert [row["batch"] for row in rows_of(alexnet / "efficiency.csv") if row["best"] == "1"] == ["128"]


def test_a_report_writes_the_same_files_again_and_may_ask_otherwise(alexnet: Path) -> None:
    names = [path for path in alexnet.rglob("*") if path.is_file() and path.name != FILE_NAME]
    assert {"efficiency-alexnet.png", "efficiency-alexnet.svg", "efficiency.csv", "cells.csv"} <= {
        path.name for path in names
    }
    before = {path: path.read_bytes() for path in names}
    for path in names:
        path.unlink()
    assert colocate("report", alexnet).returncode == 0
    assert {path: path.read_bytes() for path in names} == before
    summary = json.loads(colocate("report", alexnet, "--json", "--latency-limit-ms", "15").stdout)
    (choice,) = summary["trade_offs"]
    assert (choice["best"]["batch"], choice["best"]["precision"]) == (1, "fp16")
    assert choice["times_better_lo"] < choice["times_better"] < choice["times_better_hi"]
    none = json.loads(colocate("report", alexnet, "--json", "--latency-limit-ms", "1").stdout)["trade_offs"][0]
    assert none["best"] is None
    fading = ["--latency-limit-ms", "1", "--utility", "fading", "--quantile", "p50"]
    assert json.loads(colocate("report", alexnet, "--json", *fading).stdout)["trade_offs"][0]["best"] is not None


def test_a_killed_run_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "colocate", "efficiency", "--networks", "spin-1ms,spin-2ms", "--batches", "1,2"]
    process = subprocess.Popen(
        [*command, *SHORT, "--precisions", "fp32", "--out", str(out), "--quiet"], stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (out / FILE_NAME).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert f"python -m colocate efficiency --resume --out {out}" in said
    with Run.read(out) as run:
        assert len(run.done()) < 8
    done = colocate("efficiency", "--resume", "--out", out, "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 8
    refused = colocate("efficiency", "--resume", "--out", out, "--batches", "1,4", "--quiet")
    assert refused.returncode == 2
    assert "the run cannot be resumed: spec.inferences" in refused.stderr
    refused = colocate("sweep", "--resume", "--out", out)
    assert "was made by `colocate efficiency`; continue it with that command" in refused.stderr
    refused = colocate("layers", "--resume", "--out", out)
    assert refused.returncode == 2
    assert "was made by `colocate efficiency`" in refused.stderr


def test_what_a_runtime_cannot_run_is_left_out_and_said(tmp_path: Path) -> None:
    done = colocate(
        "efficiency", "--networks", "spin-1ms", "--batches", "1", *SHORT, "--out", tmp_path / "run", "--quiet"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "Left out, 1 of 2 settings: synthetic runs fp32 here, not fp16\n"
    assert "no choice without a meter of power" in done.stdout or "default setting" in done.stdout


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("did you mean 'alexnet'", ["--networks", "alexnett"]),
        ("synthetic runs fp32 here, not fp16", ["--networks", "spin-1ms", "--precisions", "fp16"]),
        ("greater than or equal to 1", ["--batches", "0,1"]),
        ("not a list of whole numbers", ["--batches", "one"]),
        ("unknown precision 'fp8'", ["--precisions", "fp8"]),
        ("a positive number of milliseconds", ["--latency-limit-ms", "-3"]),
        ("unrecognized arguments", ["--stressors", "jpeg"]),
    ],
)
def test_a_bad_request_gets_one_line(said: str, arguments: list[str]) -> None:
    done = colocate("efficiency", "--placement", "shared", "--dry-run", *arguments)
    assert done.returncode in (2, 3)
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_a_setting_that_fails_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board of which batch 2 finds no memory: every other setting has its numbers, and the run has all."""
    from colocate.cli import run as cli
    from colocate.errors import TrialError
    from colocate.model.trial import Trial, TrialRecord
    from colocate.rigs.tx1.rig import Tx1Rig

    whole = Tx1Rig.run

    def short_of_memory(self: Tx1Rig, trial: Trial) -> TrialRecord:
        if trial.inference is not None and trial.inference.batch == 2:
            raise TrialError("the GPU's memory is full")
        return whole(self, trial)

    monkeypatch.setattr(Tx1Rig, "run", short_of_memory)
    out = tmp_path / "run"
    arguments = ["--rig", "tx1-model", "--networks", "squeezenet1_1", "--batches", "1,2", "--precisions", "fp32"]
    clocks = ["--cpu-clocks", "high", "--gpu-clocks", "high", "--repeats", "2"]
    assert cli(["efficiency", *arguments, *clocks, "--out", str(out), "--quiet"]) == 0
    first, second = rows_of(out / "efficiency.csv")
    assert (first["failure"], second["failure"]) == ("", "the GPU's memory is full")
    assert first["images_per_s"] and not second["images_per_s"] and not second["energy_per_image_j"]
    assert second["warnings"] == "trials failed"
    every = [*arguments[:4], "--batches", "2", "--precisions", "fp32", *clocks]
    assert cli(["efficiency", *every, "--out", str(tmp_path / "none"), "--quiet"]) == 3


def test_a_network_without_any_setting_is_an_error_of_its_own() -> None:
    from colocate.commands.efficiency import Axes, settings

    rig = make_rig("host")
    axes = Axes(networks=("spin-1ms", "/absent/my.onnx"), batches=(1,), precisions=("fp32",))
    with pytest.raises(SpecError, match="there is no file"):
        settings({"placement": ["shared"]}, axes, rig)


@pytest.mark.parametrize(("columns", "intervals"), [(80, 1), (110, 6)])
def test_the_table_cuts_nothing_off(
    columns: int, intervals: int, alexnet: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("colocate.report.efficiency.efficiency.console", lambda: Console(width=columns))
    report = write_report(alexnet)
    assert report.efficiency is not None
    print_efficiency(report.efficiency, report.header, report.done)
    out = capsys.readouterr().out
    assert "\N{HORIZONTAL ELLIPSIS}" not in out and "±0.0 " not in out and "±0.00 " not in out
    lines = [line for line in out.splitlines() if re.match(r"fp\d+ batch \d+ ", line)]
    assert [line.count("±") for line in lines] == [intervals] * len(PUBLISHED)


def test_settings_are_told_apart_once() -> None:
    """`auto` and the runtime that it stands for are one setting."""
    from colocate.commands.efficiency import Axes, settings

    keys: dict[str, Any] = {"rig": "tx1-model"}
    axes = Axes(("alexnet",), (1, 2), ("fp32",), ("auto", "tensorrt", "onnxruntime-cpu"))
    found = settings(keys, axes, make_rig("tx1-model"))
    assert [entry["backend"] for entry in found.request["networks"]] == ["tensorrt", "tensorrt"]
    assert found.default_backend == "tensorrt"
    assert len(found.left_out) == 1 and "2 of 6 settings" in found.left_out[0]


def test_the_best_settings_are_a_study(alexnet: Path, tmp_path: Path) -> None:
    assert colocate("report", alexnet, "--latency-limit-ms", "600", "--quantile", "p99").returncode == 0
    spec = make_spec(read_study(alexnet / "best.toml"))
    (best,) = [row for row in rows_of(alexnet / "efficiency.csv") if row["best"] == "1"]
    (inference,) = spec.inferences
    assert (inference.network, inference.precision, inference.batch, inference.backend) == (
        "alexnet", best["precision"], int(best["batch"]), best["backend"],
    )  # fmt: skip
    assert spec.limits is not None and (spec.limits.slo_s, spec.limits.quantile) == (0.6, 0.99)
    done = colocate("sweep", alexnet / "best.toml", "--out", tmp_path / "run", "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    clocks = {(row["cpu_hz"], row["gpu_hz"]) for row in rows_of(tmp_path / "run" / "cells.csv")}
    assert clocks == {(best["cpu_hz"], best["gpu_hz"])}
    advised = colocate("advise", tmp_path / "run", "--json")
    assert json.loads(advised.stdout)["limits"]["slo_s"] == 0.6


def test_the_study_of_the_best_is_of_this_aim_and_keeps_how_it_was_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    colocate(
        "efficiency", "--rig", "tx1-model", "--networks", "alexnet,squeezenet1_1", "--batches", "1,32", "--repeats",
        "2", "--cpu-clocks", "high", "--gpu-clocks", "691.2,998.4", "--window", "4", "--seed", "7", "--out", run,
        "--latency-limit-ms", "100", "--quiet",
    )  # fmt: skip
    text = (run / "best.toml").read_text()
    spec = make_spec(read_study(run / "best.toml"))
    assert (spec.window_s, spec.seed, spec.gpu_clocks) == (4, 7, (691_200_000, 998_400_000))
    assert "#   alexnet: 1734/998.4 MHz\n#   squeezenet1_1: 1734/691.2 MHz\n" in text
    # A latency beyond the limit is worth less there, not forbidden.
    assert colocate("report", run, "--utility", "fading").returncode == 0
    assert make_spec(read_study(run / "best.toml")).limits is None
    # Nothing keeps it: the file of another aim does not stay behind.
    done = colocate("report", run, "--latency-limit-ms", "0.001")
    assert "no setting keeps the limit" in done.stdout
    assert not (run / "best.toml").exists()


@pytest.mark.parametrize(
    ("ways", "expected"),
    [
        ([{"graph": True}], 0),
        ([{"graph": True}, {}], 1),
        ([{"wait": "block", "period_s": 0.1}, {"wait": "block"}], 1),
        ([{"batch": 2}], None),
        ([{"precision": "fp16"}, {"backend": "another"}], None),
    ],
)
def test_the_default_is_run_as_usual_as_the_study_allows(ways: list[dict[str, Any]], expected: int | None) -> None:
    settings = [
        Efficiency(Setting(dataclasses.replace(Inference("net", "runtime"), **way), ClockPoint())) for way in ways
    ]
    found = default_setting(settings, "runtime")
    assert found is (None if expected is None else settings[expected])
