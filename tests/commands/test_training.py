"""`colocate training`: what it asks for; with torch also real trainings on CPUs."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colocate.commands.training import asked_purpose, default_seats, training_keys
from colocate.errors import SpecError
from colocate.model.purpose import TrainingAim, TrainingAxes, TrainingPurpose
from colocate.store.run_file import Run
from tests.commands.command_line import colocate, header_of, refused, trial_ids
from tests.rows import rows_of
from tests.study.test_plan import facts

ROOT = Path(__file__).parents[2]
trains = pytest.mark.skipif(
    not (importlib.util.find_spec("torch") and importlib.util.find_spec("sklearn")),
    reason="torch and scikit-learn are not installed: pip install '.[training]'",
)
# One CPU for the network: threads that wait for one another are slow beside other tests.
LENET = (
    "training", "--networks", "lenet", "--data", "digits", "--gpus", "0", "--inference-cpus", "0",
    "--placement", "shared", "--settle", "0", "--warmup", "0.05",
)  # fmt: skip


# ---- what is asked for


def test_every_combination_is_a_network_of_the_study() -> None:
    axes = TrainingAxes(("lenet", "alexnet"), (64, 128), (1, 2), ("fp32", "bf16"))
    keys, left_out = training_keys({"window": 1.0}, axes, {"data": "digits", "seeds": 3})
    assert len(keys["networks"]) == 16 and not left_out
    assert keys["networks"][0] == {
        "network": "lenet", "batch": 64, "precision": "fp32", "training": {"data": "digits", "gpus": 1},
    }  # fmt: skip
    assert (keys["repeats"], keys["window"], keys["stressors"]) == (3, 1.0, [])


def test_on_cpus_there_are_as_many_ranks_as_gpus_were_asked_for() -> None:
    keys, _ = training_keys({"device": "cpu"}, TrainingAxes(gpus=(0, 2), batches=(64,)), {})
    assert [entry["training"] for entry in keys["networks"]] == [{"gpus": 0, "ranks": 1}, {"gpus": 0, "ranks": 2}]


def test_a_batch_that_cannot_be_shared_is_left_out_and_said() -> None:
    keys, left_out = training_keys({}, TrainingAxes(batches=(64, 96), gpus=(1, 3)), {})
    assert len(keys["networks"]) == 3
    assert left_out == ["Left out: a batch of 64 cannot be shared equally by 3 GPUs"]
    with pytest.raises(SpecError, match="batches: a batch of 64 cannot be shared equally by 3 GPUs; give multiples"):
        training_keys({}, TrainingAxes(batches=(64,), gpus=(3,)), {})


def test_ranks_have_the_cpus_that_are_left() -> None:
    eight = facts(cpus=tuple(range(8)))
    assert default_seats({}, eight) == {"inference_cpus": [0, 1, 2, 3, 4, 5, 6]}
    assert default_seats({"stressors": ["jpeg"]}, eight) == {"inference_cpus": [0, 1, 2, 3]}
    assert default_seats({"inference_cpus": [3]}, eight) == {}
    assert default_seats({}, facts(cpus=(0,))) == {"placement": ["shared"]}


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("unknown network 'lenett'; did you mean 'lenet'?", ["--networks", "lenett"]),
        ("batches: give a number of at least 1, not 0", ["--batches", "0"]),
        ("gpus: give numbers from 0 to 1024, not -1", ["--gpus=-1"]),
        ("gpus: 1 is named twice", ["--gpus", "1,1"]),
        ("precisions: name at least one", ["--precisions", ","]),
        ("unknown precision 'fp16'", ["--precisions", "fp16"]),
        ("accuracy_loss: give a share from 0 to below 1, not 2", ["--accuracy-loss", "2"]),
        ("time_limit: 'soon' is no length of time; write it as 90s, 30m or 2h", ["--time-limit", "soon"]),
        ("accuracy_loss: it does nothing without data (digits, or a folder of images)", ["--accuracy-loss", "0.02"]),
        ("accuracy_loss: it does nothing without data", ["--accuracy-loss", "0", "--data", "synthetic"]),
        ("epochs: it does nothing without data (digits, or a folder of images) or time_limit", ["--epochs", "3"]),
        ("containment: it does nothing without stressors, commands or mixes", ["--containment", "idle"]),
        ("design: there is no task that may be paused", ["--design", "alternating"]),
        ("segment_ms: it does nothing without stressors, commands or mixes", ["--segment-ms", "50"]),
        ("data: 'no/such' is no folder", ["--data", "no/such"]),
        ("a program trains as it likes", ["--pipeline", "x=y"]),
        ("rig 'tx1-model' is a model and trains nothing: use --rig host", ["--rig", "tx1-model"]),
    ],
)
def test_a_bad_request_gets_one_line(said: str, arguments: list[str]) -> None:
    refused(2, said, "training", "--dry-run", *arguments)


@trains
def test_a_plan_says_that_its_length_is_without_the_epochs(tmp_path: Path) -> None:
    asked = ["--networks", "lenet", "--data", "digits", "--gpus", "0", "--batches", "64", "--seeds", "1"]
    said = colocate("training", *asked, "--dry-run", "--out", str(tmp_path / "run")).stdout
    assert ", and what it takes to train before each window" in " ".join(said.split())


def test_a_run_that_goes_on_keeps_what_it_chooses_by() -> None:
    stored = TrainingPurpose(TrainingAxes(), TrainingAim(accuracy_loss=0.02))
    again = argparse.Namespace(out="run", accuracy_loss=0.02)
    assert asked_purpose(again, stored) == stored
    again.time_limit = "30m"
    with pytest.raises(SpecError, match="time_limit: the run in run keeps the one that it was made with"):
        asked_purpose(again, stored)


# ---- trainings


@trains
def test_a_study_on_cpus_with_a_rank_that_has_no_gpu(tmp_path: Path) -> None:
    """Two batches, and a GPU that is missing: that setting is a row with its failure, and the study goes on."""
    out = tmp_path / "run"
    arguments = [*LENET, "--batches", "64,128", "--seeds", "2", "--window", "0.3", "--gpus", "0,1"]
    done = colocate(*arguments, "--accuracy-loss", "0.05", "--out", out, "--quiet")
    assert done.returncode == 0, done.stderr
    rows = rows_of(out / "training.csv")
    on_cpus = [row for row in rows if row["gpus"] == "0"]
    assert {row["batch"] for row in on_cpus} == {"64", "128"} and len(rows) == 4
    for row in on_cpus:
        assert float(row["accuracy"]) > 0.95
        assert float(row["images_per_s"]) > 0 and float(row["epoch_s"]) > 0 and not row["failure"]
    for row in rows:
        if row["gpus"] == "1":
            assert "GPU 0 is missing: 1 are asked for and torch sees 0" in row["failure"]
    assert "lenet: " in done.stdout.splitlines()[-2] + done.stdout.splitlines()[-1]


@trains
def test_a_task_beside_a_training_costs_its_steps_something(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["--batches", "64", "--epochs", "1", "--seeds", "2", "--window", "1", "--stressors", "bitcount"]
    done = colocate(*LENET, *arguments, "--design", "steady", "--out", out, "--quiet")
    assert done.returncode == 0, done.stderr
    cells = {row["task"]: row for row in rows_of(out / "cells.csv")}
    assert cells["bitcount"]["backend"] == "torch-1cpu"
    # They share a CPU.
    assert float(cells["bitcount"]["slowdown_p50"]) > 1


def ranks_of(out: Path) -> list[int]:
    """Every process of a training that was asked for in this run: rank 0 is a worker, others are of the room."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (folder / "cmdline").read_text().split("\0")
            if "colocate.training.rank" in command and f"RUN={out}" in (folder / "environ").read_text().split("\0"):
                found.append(int(folder.name))
    return found


@trains
def test_a_killed_study_resumes_with_every_trial_once_and_leaves_no_rank(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = [*LENET, "--gpus", "2", "--device", "cpu", "--batches", "64,128", "--epochs", "1", "--seeds", "2"]
    command = [sys.executable, "-m", "colocate", *arguments, "--window", "0.3", "--out", str(out), "--quiet"]
    sweep = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "RUN": str(out)}, stderr=subprocess.PIPE)
    deadline_s = time.monotonic() + 400
    while not ((out / "run.sqlite").exists() and trial_ids(out) and ranks_of(out)):
        assert sweep.poll() is None, sweep.stderr and sweep.stderr.read()
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    # A rank that dies is a failed trial, and no more. One may have ended just before: then another is killed.
    while not failures(out):
        for rank in ranks_of(out)[:1]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rank, signal.SIGKILL)
        assert sweep.poll() is None, sweep.stderr and sweep.stderr.read()
        assert time.monotonic() < deadline_s
        time.sleep(0.2)
    sweep.kill()
    sweep.wait()
    while ranks_of(out):
        assert time.monotonic() < deadline_s
        time.sleep(0.1)
    assert "rank 1 ended (killed by signal 9)" in failures(out)[0]
    before = trial_ids(out)
    assert 0 < len(before) < header_of(out).planned
    done = colocate("training", "--resume", "--out", out, "--quiet")
    assert done.returncode == 0, done.stderr
    with Run.read(out) as run:
        after = [record.trial.trial_id for record in run.records()]
    assert len(after) == len(set(after)) == header_of(out).planned and before < set(after)


def failures(out: Path) -> list[str]:
    with Run.read(out) as run:
        return [failure.message for failure in run.failures()]
