"""What all commands share that leave a run: whose keys count, what is resumed, and what must not be mixed."""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
from pathlib import Path

import pytest

from colocate.commands.study_run import keys_of, resumable
from colocate.errors import HostError, Interrupted, StoreError
from colocate.store import FILE_NAME
from tests.commands.command_line import colocate, copy_of, header_of, refused


def test_another_study_is_not_mixed_in(tiny_run: Path) -> None:
    again = ["sweep", "--resume", "--out", str(tiny_run), "--quiet"]
    refused(2, "spec.window_s was 0.1 and is 0.2", *again, "--window", "0.2")
    refused(2, "break their promise: make a new run", *again, "--repeats", "9")


def test_another_machine_is_not_mixed_in(tiny_run: Path, tmp_path: Path) -> None:
    run, own = copy_of(tiny_run, tmp_path), header_of(tiny_run).facts.machine_id
    with contextlib.closing(sqlite3.connect(run / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE header SET json = replace(json, ?, 'elsewhere')", [own])
    refused(2, f"machine.machine_id was elsewhere and is {own}", "sweep", "--resume", "--out", run, "--quiet")


@pytest.mark.parametrize("command", ["efficiency", "layers"])
def test_a_run_goes_on_with_the_command_that_made_it(tiny_run: Path, command: str) -> None:
    refused(2, "was made by `colocate sweep`; continue it with that command", command, "--resume", "--out", tiny_run)


def test_flags_go_before_the_file_and_the_file_before_the_run(tiny_run: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text("repeats = 3\nwindow = 0.7\n")
    arguments = argparse.Namespace(resume=True, out=tiny_run, file=study, window=0.9, quiet=True)
    stored = header_of(tiny_run).request
    assert stored["repeats"] == 2 and stored["window"] == 0.1
    assert keys_of(arguments) == {**stored, "repeats": 3, "window": 0.9}


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

    arguments = argparse.Namespace(command="layers", out=run)
    with pytest.raises(type(error)):
        cut_short(arguments)
    assert capsys.readouterr().err == "", "nothing is there to go on with"
    (run / FILE_NAME).write_bytes((tiny_run / FILE_NAME).read_bytes())
    with pytest.raises(type(error)):
        cut_short(arguments)
    assert capsys.readouterr().err.endswith(f"  python -m colocate layers --resume --out '{run}'\n")


def test_what_another_attempt_would_not_mend_says_nothing_of_one(
    tiny_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @resumable
    def failing(arguments: argparse.Namespace) -> int:
        raise HostError("no such knob")

    with pytest.raises(HostError):
        failing(argparse.Namespace(command="sweep", out=tiny_run))
    assert capsys.readouterr().err == ""
