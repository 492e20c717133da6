"""Runs as a person and as a program sees them listed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.report.runs.load import ListedRun, RunState
from colocate.report.runs.terminal import print_runs, run_json
from tests.report.drawn import header

HALF = ListedRun(Path("runs/half"), RunState.UNFINISHED, header("tx1-model", planned=12), 5, 1, 0.0)
BROKEN = ListedRun(Path("runs/broken"), RunState.UNREADABLE, reason="the run in runs/broken is damaged: why")


def test_each_run_is_a_line_and_what_cannot_be_read_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs([HALF, BROKEN], Path("runs"))
    first, *said = capsys.readouterr().out.splitlines()
    assert first == "2 runs in runs: 1 unfinished, 1 unreadable."
    assert said[0].split() == ["run", "command", "rig", "started", "state", "trials"]
    assert "half" in said[1] and "tx1-model" in said[1]
    assert "1970-01-01 00:00 UTC unfinished 5 of 12, 1 failed" in said[1]
    assert said[2].split() == ["broken", "unreadable"]
    assert said[3:] == ["", "broken: the run in runs/broken is damaged: why"]


@pytest.mark.parametrize(("virtual", "said"), [(True, "virtual time"), (False, "no trial yet")])
def test_a_run_without_a_date_says_why(virtual: bool, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    of = header("tx1-model")
    facts = dataclasses.replace(of.facts, virtual_time=virtual)
    print_runs(
        [dataclasses.replace(HALF, header=dataclasses.replace(of, facts=facts), started_unix_s=None)], Path("runs")
    )
    assert f"tx1-model {said} " in " ".join(capsys.readouterr().out.split())


def test_runs_below_are_named_by_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs([dataclasses.replace(HALF, folder=Path("runs/study/half"))], Path("runs"))
    assert "study/half" in capsys.readouterr().out
    print_runs([HALF], Path("runs/half"))
    assert "half" in capsys.readouterr().out.split()


@pytest.mark.parametrize(("columns", "left_out"), [(80, True), (100, False)])
def test_a_narrow_terminal_is_told_what_a_wider_one_shows(
    columns: int, left_out: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    long = dataclasses.replace(HALF, folder=Path("runs/20260101-120000-tx1-model"))
    print_runs([long, BROKEN], Path("runs"))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= columns
    assert ("A wider terminal also shows rig" in said) == left_out
    assert "20260101-120000-tx1-model" in said and "1970-01-01 00:00 UTC" in said, "neither is broken"


def test_where_there_is_none_it_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    print_runs([], Path("results"))
    assert capsys.readouterr().out == "There is no run in results. To make one: python -m colocate sweep\n"


def test_a_program_sees_what_is_not_known_as_null() -> None:
    assert run_json(HALF) == {
        "run": "runs/half", "state": "unfinished", "reason": None, "command": "sweep", "rig": "tx1-model",
        "networks": ["alexnet"], "planned": 12, "done": 5, "failed": 1, "started_unix_s": 0.0,
    }  # fmt: skip
    assert (run_json(BROKEN)["planned"], run_json(BROKEN)["reason"]) == (None, BROKEN.reason)
