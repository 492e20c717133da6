"""What all commands share that leave a run: how it goes on, and what must not be mixed."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from colocate.commands.study_run import board_words, level_words, resumable, unjudged_words
from colocate.errors import ColocateError, HostError, Interrupted, KnobError, StoreError
from colocate.model.board import BoardState, PowerMode
from colocate.model.limits import Limits
from colocate.model.trial import Trial, TrialRecord
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.store.database import FILE_NAME, locked
from tests.commands.command_line import MODEL, TINY, colocate, copy_of, header_of, refused, trial_ids
from tests.inference import own_files
from tests.store.editing import edited
from tests.study.test_plan import facts, spec


def test_another_study_is_not_mixed_in(tiny_run: Path) -> None:
    again = ["sweep", "--resume", "--out", str(tiny_run), "--quiet"]
    refused(2, "spec.window_s was 0.1 and is 0.2", *again, "--window", "0.2")
    refused(2, "break their promise: make a new run", *again, "--repeats", "9")


def test_another_machine_is_not_mixed_in(tiny_run: Path, tmp_path: Path) -> None:
    run, own = copy_of(tiny_run, tmp_path), header_of(tiny_run).facts.machine_id
    with edited(run) as connection:
        connection.execute("UPDATE header SET json = replace(json, ?, 'elsewhere')", [own])
    refused(2, f"machine.machine_id was elsewhere and is {own}", "sweep", "--resume", "--out", run, "--quiet")


def test_a_dry_run_refuses_what_the_run_refuses(tiny_run: Path) -> None:
    again = ["sweep", "--resume", "--out", str(tiny_run), "--dry-run"]
    refused(2, "spec.window_s was 0.1 and is 0.2", *again, "--window", "0.2")
    refused(2, "break their promise: make a new run", *again, "--repeats", "9")
    refused(2, "holds a run already; continue it with --resume", "sweep", "--out", tiny_run, "--dry-run")
    assert colocate(*again).returncode == 0


def test_a_run_without_a_folder_goes_into_one_named_after_its_rig(tmp_path: Path) -> None:
    arguments = ["--rig", "tx1-model", "--networks", "alexnet", "--stressors", "bitcount", "--repeats", "1"]
    clocks = ["--cpu-clocks", "high", "--gpu-clocks", "high"]
    done = colocate("sweep", *arguments, *clocks, "--quiet", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (run,) = (tmp_path / "results").iterdir()
    assert run.name.endswith("-tx1-model") and f"Wrote results/{run.name}: run.sqlite, cells.csv" in done.stdout


@pytest.mark.parametrize("error", [Interrupted(2), StoreError("the disk is full")])
def test_what_was_cut_short_says_how_to_go_on(
    error: BaseException, tiny_run: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = tmp_path / "a run"
    run.mkdir()

    @resumable
    def cut_short(arguments: argparse.Namespace) -> int:
        raise error

    arguments = argparse.Namespace(command="layers", out=run, trust=False)
    with pytest.raises(type(error)):
        cut_short(arguments)
    assert capsys.readouterr().err == "", "nothing is there to go on with"
    (run / FILE_NAME).write_bytes((tiny_run / FILE_NAME).read_bytes())
    with pytest.raises(type(error)):
        cut_short(arguments)
    assert capsys.readouterr().err.endswith(f"  python -m colocate layers --resume --out '{run}'\n")


def test_a_run_that_cannot_be_resumed_is_not_said_to_be(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path)
    again = ["sweep", *TINY, "--resume", "--out", str(run), "--quiet"]
    with locked(run):
        refused(4, "another colocate is writing", *again)
    with contextlib.closing(sqlite3.connect(run / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE trial SET failure = 'it failed' WHERE position = 2")
    refused(4, "is wrong; use a copy of the run that is whole", *again)
    (run / FILE_NAME).write_bytes(b"mine" * 1000)
    refused(4, "file is not a database; use a copy of the run that is whole, or run the study again", *again)
    (run / FILE_NAME).write_bytes(b"")
    refused(4, "is not a run of colocate; name the folder of one", *again)


@pytest.mark.parametrize("kind", [HostError, KnobError])
def test_what_ends_a_study_under_way_says_how_to_go_on(
    kind: type[ColocateError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, ran, plugged_in = Tx1Rig.run, tmp_path / "ran", tmp_path / "plugged-in"

    # In a file, as another process runs windows of the model.
    def fails(self: Tx1Rig, trial: Trial) -> TrialRecord:
        before = ran.read_text().split() if ran.exists() else []
        if len(before) == 2 and not plugged_in.exists():
            raise kind("the meter was unplugged; plug it in")
        ran.write_text("\n".join([*before, trial.trial_id]))
        return whole(self, trial)

    monkeypatch.setattr(Tx1Rig, "run", fails)
    out = tmp_path / "run"
    done = colocate("sweep", *MODEL, "--repeats", "1", "--out", out)
    assert done.returncode == kind.exit_code
    kept, again, why = done.stderr.splitlines()
    assert kept == "Finished trials are kept. Continue with:"
    assert why == "colocate: the meter was unplugged; plug it in"
    command = shlex.split(again)
    assert command[:3] == ["python", "-m", "colocate"]
    assert len(trial_ids(out)) == 2
    plugged_in.touch()
    assert colocate(*command[3:], "--quiet").returncode == 0
    assert len(trial_ids(out)) == header_of(out).planned
    assert sorted(ran.read_text().split()) == sorted(trial_ids(out)), "none is run twice"


def test_an_error_that_another_attempt_would_not_fix_suggests_none(
    tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @resumable
    def failing(arguments: argparse.Namespace) -> int:
        raise HostError("no such knob")

    with pytest.raises(HostError):
        failing(argparse.Namespace(command="sweep", out=tiny_run))
    assert capsys.readouterr().err == ""


# One window of a network in ONNX Runtime.
ONCE = (
    "--backend", "onnxruntime-cpu", "--stressors", "", "--placement", "shared", "--repeats", "1", "--window", "0.1",
    "--warmup", "0", "--settle", "0", "--quiet",
)  # fmt: skip


def test_guesses_are_said_in_a_line_and_stored(tmp_path: Path) -> None:
    path, run = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "h", "w"]), tmp_path / "run"
    done = colocate("sweep", "--networks", path, *ONCE, "--out", run)
    assert (done.returncode, done.stderr) == (
        0, f"{path} leaves shapes open: it is fed images=1x3x224x224 (--shape changes that)\n",
    )  # fmt: skip
    (network,) = header_of(run).networks.values()
    assert network["guesses"] == ["images=1x3x224x224"]


def test_what_a_network_is_fed_is_chosen_by_flags(tmp_path: Path) -> None:
    path, run = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "h", "w"]), tmp_path / "run"
    chosen = ["--shape", "images=@batchx3x32x48", "--input", "images=0.5", "--batch", "2"]
    done = colocate("sweep", "--networks", path, *chosen, *ONCE, "--out", run)
    assert (done.returncode, done.stderr) == (0, "")
    (network,) = header_of(run).networks.values()
    assert network["inputs"] == [{"name": "images", "shape": [2, 3, 32, 48], "dtype": "float32", "constant": 0.5}]
    resumed = colocate("sweep", "--resume", "--out", run, "--quiet")
    assert (resumed.returncode, resumed.stderr) == (0, "")


def test_what_a_network_is_fed_is_chosen_in_a_study_file(tmp_path: Path) -> None:
    path, run = own_files.convolution(tmp_path / "m.onnx", ["N", 3, "h", "w"]), tmp_path / "run"
    np.save(tmp_path / "photo.npy", np.ones((1, 3, 16, 16), np.uint8))
    (tmp_path / "study.toml").write_text(f"""
[[networks]]
network = "{path}"
shapes = {{ images = "1x3x32x32" }}

[[networks]]
network = "{path}"
inputs = {{ images = "photo.npy" }}
""")
    done = colocate("sweep", "study.toml", *ONCE, "--out", run, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    fed = [network["inputs"][0] for network in header_of(run).networks.values()]
    assert [(each["shape"], each.get("file")) for each in fed] == [
        ([1, 3, 32, 32], None), ([1, 3, 16, 16], str(tmp_path / "photo.npy")),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("m.onnx: the network has no input 'image'; its inputs are images", ["--shape", "image=1x3x8x8"]),
        ("m.onnx: input 'images' is 8x3x8x8 in the file, not 1x3x8x8", ["--shape", "images=1x3x8x8"]),
        ("m.onnx: the file is of batch 8, not 2; ask for that, or export it", ["--batch", "2"]),
        ("--shape images: write '8,3' as 1x3x320x320", ["--shape", "images=8,3"]),
        ("--input images: give a number or the path of an .npy file, not 'a.png'", ["--input", "images=a.png"]),
        ("absent.npy: No such file", ["--input", "images=absent.npy"]),
    ],
)
def test_a_choice_that_cannot_be_gets_one_line(tmp_path: Path, said: str, arguments: list[str]) -> None:
    path = own_files.convolution(tmp_path / "m.onnx", [8, 3, 8, 8])
    refused(2, said, "sweep", "--networks", path, *ONCE, "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_guess_that_fails_names_the_flags(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    inputs, weights = [own_files.value("x", ["batch", "features"])], {"w": own_files.random(7, 7)}
    path = own_files.written(tmp_path / "m.onnx", [node], inputs, weights)
    done = colocate("sweep", "--networks", path, *ONCE, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "cannot run, fed x=1x128 (--shape and --input change that): " in done.stderr
    assert (
        colocate("layers", path, *ONCE[:2], "--placement", "shared", "--out", tmp_path / "layers").stderr.count(
            "--shape and --input"
        )
        == 1
    )
    done = colocate("sweep", "--networks", path, *ONCE, "--out", tmp_path / "run2", "--shape", "x=@batchx7", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["cells"], done.stderr


def test_files_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    paths = [own_files.convolution(tmp_path / name / "model.onnx", [1, 3, 8, 8]) for name in ("face", "plate")]
    done = colocate("sweep", "--networks", ",".join(map(str, paths)), *ONCE, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "run" / "report.html").read_text()
    assert "face/model" in page and "plate/model" in page


def test_a_limit_that_nothing_can_judge_is_said_before_anything_runs() -> None:
    budget = Limits(power_budget_w=9.0)
    assert unjudged_words(budget, facts()).startswith(
        "Nothing can judge the power budget of 9 W: this machine has no"
    )
    assert unjudged_words(budget, facts(rails=("total",))) == ""
    assert unjudged_words(Limits(max_slowdown=1.1), facts()) == unjudged_words(None, facts()) == ""


def test_a_board_that_is_set_so_that_its_runs_compare_with_few_says_so() -> None:
    free, nano = BoardState(clocks_held=False), BoardState(power_mode=PowerMode(1, "5W"), cpus_off=(2, 3))
    assert board_words(spec(), facts()) == board_words(spec(), facts(board=free)) == ""
    assert board_words(spec(), facts(board=nano)) == (
        "This board in power mode 1 (5W): CPUs 2, 3 are switched off. "
        "The run compares with others of that kind alone."
    )
    held = facts(board=BoardState(clocks_held=True), cpu_steps_hz=(102_000_000,), gpu_steps_hz=(76_800_000,))
    assert board_words(spec(), held) == ""
    assert "native are held at one value" in board_words(spec(gpu_clocks=("native",)), held)


def test_levels_that_are_one_clock_here_are_said_with_the_steps() -> None:
    board = facts(emc_steps_hz=(40_800_000, 1_331_200_000))
    assert list(level_words(spec(emc_clocks=("low", "mid", "high")), board)) == [
        "This machine shows no steps of the memory clock but 40.8 and 1331.2 MHz: low and mid are one clock, "
        "which is measured once."
    ]
    assert list(level_words(spec(emc_clocks=("low", "high")), board)) == []
