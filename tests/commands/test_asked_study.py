"""Whose keys count, what is resumed, and which file is at fault."""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
from pathlib import Path

import pytest

from colocate.commands.asked_study import keys_of
from colocate.errors import StoreError
from colocate.store.database import FILE_NAME
from tests.commands.command_line import colocate, copy_of, header_of, refused


def test_what_a_run_of_others_says_is_run_only_when_trusted(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path)
    run.chmod(0o775)
    again = ["sweep", "--resume", "--out", str(run), "--quiet"]
    refused(2, f"{run} can be written by others (mode 775): no command in it is run", *again)
    refused(2, "add --trust", *again, "--dry-run")
    assert colocate(*again, "--trust", "--dry-run").returncode == 0


def test_a_damaged_run_is_not_continued_even_in_a_plan(tiny_run: Path, tmp_path: Path) -> None:
    run = copy_of(tiny_run, tmp_path)
    with contextlib.closing(sqlite3.connect(run / FILE_NAME)) as connection, connection:
        connection.execute("UPDATE trial SET failure = 'it failed' WHERE position = 2")
    done = colocate("sweep", "--resume", "--dry-run", "--out", run)
    assert done.returncode == StoreError.exit_code
    assert "the checksum of row 2 is wrong" in done.stderr


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


@pytest.mark.parametrize(
    ("study", "said"),
    [
        ("windw = 0.7\n", "unknown key 'windw'; did you mean 'window'?"),
        ("window = 0\n", "window: give a number of at least 1e-06, not 0"),
        ('containment = ["lazy"]\n', "containment: 'lazy' is none that is known"),
        ("window = 1e308\n", "window: give a number of at most 86400, not 1e308"),
        ("slo_ms = 0.0\n", "slo_ms: the latency limit must be above 0, not 0.0"),
        ("segment_ms = true\n", "segment_ms: give a number, not true"),
        # What only a rig or a plan can know.
        ("[model]\ncontention = 1e30\n", "model: rig 'host' has no constants to set"),
        ('rig = "tx1-model"\n[model]\ncontention = 1e5\n', "model: contention is a number from 0 to 10, not 1e5"),
        ('rig = "tx1-model"\n[model]\ncontenton = 1\n', "model: 'contenton' cannot be set; did you mean"),
        ('rig = "tx1-model"\ncpu_clocks = [5.50]\n', "cpu_clocks: 5.50 MHz is not a step of this machine"),
        ('rig = "tx1-model"\ndevice = "cpu"\n', "rig 'tx1-model' is a model and starts no worker"),
        ('rig = "tx1-model"\ncommands = { own = "true" }\n', "rig 'tx1-model' knows what"),
        ("inference_cpus = [4095]\n", "inference_cpus: CPU 4095 does not exist"),
        (
            'placement = ["shared"]\ncommands.a = { argv = ["true"], directory = "/no/such" }\n',
            "commands.a.directory",
        ),
    ],
)
def test_what_is_wrong_in_a_study_file_names_the_file(tmp_path: Path, study: str, said: str) -> None:
    file = tmp_path / "study.toml"
    file.write_text(study)
    refused(2, f"colocate: {file}: {said}", "sweep", file)


def test_what_is_wrong_in_a_flag_does_not_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("repeats = 3\nwindow = 0\n")
    refused(2, "colocate: window: give a number of at least 1e-06, not -1", "sweep", file, "--window", "-1")
    file.write_text('rig = "tx1-model"\ncpu_clocks = [5]\n')
    refused(2, "colocate: cpu_clocks: 7.50 MHz is not a step", "sweep", file, "--cpu-clocks", "7.50")
    refused(2, f"colocate: {file}: cpu_clocks: 5 MHz is not a step", "sweep", file, "--window", "0.5", "--dry-run")
    # What a flag makes of it is not the file's fault.
    file.write_text('until = "decided"\nstressors = []\n')
    refused(2, "colocate: max_slowdown: it does nothing without stressors", "sweep", file, "--max-slowdown", "1.1")
