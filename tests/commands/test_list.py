"""`colocate list` on the runs of a folder."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands.command_line import colocate, refused


def test_the_runs_of_a_folder_are_listed(modelled_run: Path) -> None:
    done = colocate("list", modelled_run.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert "run" in done.stdout and "48 of 48" in done.stdout
    assert "1 finished." in " ".join(done.stdout.split())
    (found,) = json.loads(colocate("list", modelled_run.parent, "--json").stdout)
    assert (found["run"], found["state"], found["done"]) == (str(modelled_run), "finished", 48)


def test_without_a_folder_it_looks_where_runs_are_made(tmp_path: Path) -> None:
    done = colocate("list", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (
        0, "There is no run in results. To make one: python -m colocate sweep\n"
    )  # fmt: skip
    assert json.loads(colocate("list", "--json", cwd=tmp_path).stdout) == []


def test_a_folder_that_is_missing_is_refused(tmp_path: Path) -> None:
    refused(2, "No such file or directory", "list", tmp_path / "none")
