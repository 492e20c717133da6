"""The settings of a training on a terminal."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.request import Task
from colocate.report.training.terminal import print_training, training_mark
from tests.report.training.settings import report_of, run_of


def test_every_setting_is_a_line_and_the_choice_is_last(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    run = run_of()
    print_training(report_of(run), run)
    said = capsys.readouterr().out
    for words in ("batch 64, 2 GPUs", "1 of 5 settings failed", "98.0 %", "J/epoch", "chosen", "20 %"):
        assert words in said, said
    assert said.strip().splitlines()[-1].strip()
    assert "Chosen for least energy with at most 1 % less accuracy than the best:" in said


def test_where_tasks_ran_beside_it_says_where_their_cost_is(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of()
    spec = dataclasses.replace(run.header.spec, tasks=(Task("bitcount"),))
    beside = dataclasses.replace(run, header=dataclasses.replace(run.header, spec=spec))
    print_training(report_of(beside), beside)
    assert "What each task costs a step, and loses itself, is in cells.csv." in capsys.readouterr().out


def test_marks() -> None:
    report = report_of(run_of())
    marks = {
        (row.cost.setting.inference.batch, row.training.ranks): training_mark(row, report) for row in report.rows
    }
    assert marks == {(64, 1): "", (128, 1): "chosen", (64, 2): "", (128, 2): "front", (4096, 1): "failed"}
