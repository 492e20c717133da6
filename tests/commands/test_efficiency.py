"""`colocate efficiency`, in virtual time and on small networks."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from colocate.cli import run as cli
from colocate.commands.efficiency import settings
from colocate.errors import SpecError, TrialError
from colocate.model.purpose import Axes
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.registry import make_rig
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.store.run_file import Run
from tests.commands.command_line import colocate, header_of, interrupted, refused, trial_ids
from tests.inference import own_files
from tests.rows import rows_of

SHORT = ["--repeats", "2", "--window", "0.1", "--warmup", "0.02", "--settle", "0", "--placement", "shared"]
# NVIDIA, GPU-Based Deep Learning Inference (November 2015): AlexNet at GPU 690 MHz, W of processor and memory.
PUBLISHED = {("fp32", 1): (47, 5.5), ("fp16", 1): (67, 5.1), ("fp32", 128): (155, 6.0), ("fp16", 128): (258, 5.7)}


def test_the_four_published_settings(efficiency_run: Path) -> None:
    constants = {row["name"]: float(row["value"]) for row in rows_of(efficiency_run / "constants.csv")}
    found = rows_of(efficiency_run / "efficiency.csv")
    assert len(found) == len(PUBLISHED)
    for row in found:
        images_per_s, power_w = PUBLISHED[row["precision"], int(row["batch"])]
        assert float(row["images_per_s"]) == pytest.approx(images_per_s, rel=0.25), row
        # The meter shows the whole board; what was published is without the rest of it.
        assert float(row["power_w"]) - constants["board_w"] == pytest.approx(power_w, rel=0.20), row


def test_an_interrupted_run_resumes_to_the_same_numbers(tmp_path: Path) -> None:
    out = tmp_path / "run"
    axes = ["--networks", "spin-1ms,spin-2ms", "--batches", "1,2", "--precisions", "fp32"]
    cut = interrupted(3, "efficiency", *axes, *SHORT, "--out", out, "--quiet")
    assert cut.returncode == 130, cut.stderr
    assert f"python -m colocate efficiency --resume --out {out}" in cut.stderr
    planned = header_of(out).planned
    assert planned == 8 + 2 * bool(header_of(out).facts.rails)
    assert 0 < len(trial_ids(out)) < planned
    done = colocate("efficiency", "--resume", "--out", out, "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == planned
    again = ["--resume", "--out", str(out)]
    said = "the run cannot be resumed: spec.inferences"
    refused(2, said, "efficiency", *again, "--batches", "1,4", "--quiet")
    for other in ("sweep", "layers"):
        refused(2, "was made by `colocate efficiency`; continue it with that command", other, *again)


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
        ("colocate: batches: give a number of at least 1, not 0", ["--batches", "0,1"]),
        ("colocate: batches: give a number of at most 10000, not 10001", ["--batches", "10001"]),
        ("colocate: batches: 1 is named twice", ["--batches", "1,2,1"]),
        ("colocate: precisions: fp32 is named twice", ["--precisions", "fp32,fp32"]),
        ("colocate: precisions: name at least one", ["--precisions", ","]),
        ("colocate: networks: alexnet is named twice", ["--networks", "alexnet,alexnet"]),
        ("not a list of whole numbers", ["--batches", "one"]),
        ("unknown precision 'fp8'", ["--precisions", "fp8"]),
        ("slo_ms: the latency limit must be above 0", ["--slo-ms", "-3"]),
        ("unknown flag", ["--stressors", "jpeg"]),
        ("utility: it does nothing without slo_ms; add that, or leave it out", ["--utility", "fading"]),
        ("--trust: it does nothing without --out", ["--trust"]),
        ("--resume: it does nothing without --out", ["--resume"]),
    ],
)
def test_a_bad_request_gets_one_line(said: str, arguments: list[str]) -> None:
    done = colocate("efficiency", "--placement", "shared", "--dry-run", *arguments)
    assert done.returncode in (2, 3)
    assert said in done.stderr.splitlines()[-1]
    assert done.stdout == ""


def test_a_setting_that_fails_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board of which batch 2 finds no memory: every other setting has its numbers, and the run has all."""
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


def test_an_engine_has_nothing_to_vary() -> None:
    said = "my.engine is an engine, whose batch and precision are settled; give the .onnx file that it was built from"
    refused(2, said, "efficiency", "--networks", "my.engine")


# ---- settings


def test_a_network_without_any_setting_is_an_error_of_its_own() -> None:
    axes = Axes(networks=("spin-1ms", "/absent/my.onnx"), batches=(1,), precisions=("fp32",))
    with pytest.raises(SpecError, match="there is no file"):
        settings({"placement": ["shared"]}, axes, make_rig("host"))


def test_the_same_setting_is_run_once() -> None:
    """`auto` and the runtime that it stands for are one setting."""
    keys: dict[str, Any] = {"rig": "tx1-model"}
    axes = Axes(("alexnet",), (1, 2), ("fp32",), ("auto", "tensorrt", "onnxruntime-cpu"))
    found = settings(keys, axes, make_rig("tx1-model"))
    assert [entry["backend"] for entry in found.keys["networks"]] == ["tensorrt", "tensorrt"]
    assert found.default_backend == "tensorrt"
    assert len(found.left_out) == 1 and "2 of 6 settings" in found.left_out[0]


OWN = ["--backends", "onnxruntime-cpu", "--precisions", "fp32", *SHORT, "--quiet"]


def test_a_batch_that_the_file_fixes_is_the_one_that_runs_and_counts(tmp_path: Path) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", [8, 3, 32, 32])
    done = colocate("efficiency", "--networks", path, "--batches", "1,2,8", *OWN, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    for left_out in (1, 2):
        said = f"Left out, 1 of 3 settings: {path}: the file is of batch 8, not {left_out}; ask for that"
        assert said in done.stderr
    (row,) = rows_of(tmp_path / "run" / "efficiency.csv")
    assert row["batch"] == "8"
    with Run.read(tmp_path / "run") as run:
        records = [record for record in run.records() if record.trial.inference]
    # Each inference is of eight images.
    assert all(record.trial.inference and record.trial.inference.batch == 8 for record in records)
    rates = [8 * len(record.latencies_s) / record.elapsed_s for record in records]
    assert float(row["images_per_s"]) == pytest.approx(math.prod(rates) ** (1 / len(rates)))


def test_a_fixed_batch_is_run_though_it_was_not_asked_for(tmp_path: Path) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", [3, 3, 8, 8])
    axes = Axes((str(path),), (1, 2), ("fp32",), ("onnxruntime-cpu",))
    found = settings({"placement": ["shared"]}, axes, make_rig("host"))
    assert [network["batch"] for network in found.keys["networks"]] == [3]
    assert ["the file is of batch 3, not" in line for line in found.left_out] == [True, True]
