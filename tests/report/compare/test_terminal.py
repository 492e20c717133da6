"""A comparison on a terminal, however narrow, and with any name in it."""

from __future__ import annotations

import dataclasses
import re

import pytest
from rich.console import Console

from colocate.model.limits import Quantity
from colocate.model.request import ClockPoint, Inference
from colocate.report.compare.load import Compared
from colocate.report.compare.terminal import print_comparison
from colocate.report.compare.words import sentences
from colocate.study.comparison import compare
from tests.report.advise.judged import NASTY
from tests.report.compare.runs import P50, STEADY, compared
from tests.study.tables import SOLO, evidence


def test_regressions_come_first_and_the_verdict_last_with_its_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compared())
    lines = capsys.readouterr().out.splitlines()
    worse, better = (next(n for n, line in enumerate(lines) if word in line) for word in ("worse", "better"))
    assert worse < better and "2.000 [" in lines[worse] and "0.500 [" in lines[better]
    verdict = lines.index("2 comparisons: 1 regression, 1 improvement, 0 neither")
    assert lines[verdict + 1].startswith("Largest regression: alexnet alone")


def test_every_sentence_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compared())
    said = " ".join(capsys.readouterr().out.split())
    assert all(" ".join(sentence.split()) in said for sentence in sentences(compared()))


def test_without_a_change_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    steady = [evidence(SOLO[0], {P50: STEADY})]
    print_comparison(Compared(compare(steady, steady), (), ()))
    said = capsys.readouterr().out
    assert "after/before" not in said and said.endswith("1 comparison: 0 regressions, 0 improvements, 1 neither\n")


def test_a_regression_is_red_and_an_improvement_green(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Console(force_terminal=True, color_system="standard", width=150, record=True)
    monkeypatch.setattr("colocate.report.compare.terminal.console", lambda: out)
    print_comparison(compared())
    lines = out.export_text(styles=True).splitlines()
    assert [re.findall(r"\x1b\[(3[12])m", line)[:1] for line in lines if "worse" in line or "better" in line] == [
        ["31"], ["32"],
    ]  # fmt: skip


def test_a_terminal_of_80_columns_breaks_no_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_comparison(compared())
    said = capsys.readouterr().out
    assert len(re.findall(r"\d\.\d{3} \[\d\.\d{3}, \d\.\d{3}\]", said)) == 2
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(("columns", "left_out"), [(72, True), (80, False)])
def test_cells_that_differ_in_everything_fit_a_narrow_terminal(
    columns: int, left_out: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    cells = [
        dataclasses.replace(SOLO[0], task=task, clocks=ClockPoint(mhz * 10**6, 76_800_000))
        for task, mhz in (("stringsearch-scan-of-logs", 921), ("none", 1734))
    ]
    kinds = (Quantity.LATENCY_P99, P50)
    before, after = (
        [evidence(cell, {kind: times * STEADY}) for cell, kind in zip(cells, kinds, strict=True)] for times in (1, 2)
    )
    print_comparison(Compared(compare(before, after), (), ()))
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= columns
    assert ("A wider terminal also shows change." in said) == left_out
    assert said.count("2.000 [") == 2 and "stringsearch-scan-of-logs 921/76.8" in said


def test_names_are_the_users_own(capsys: pytest.CaptureFixture[str]) -> None:
    named = dataclasses.replace(SOLO[0], inference=Inference(NASTY))
    before, after = ([evidence(named, {P50: times * STEADY})] for times in (1, 2))
    print_comparison(Compared(compare(before, after), (), ()))
    said = capsys.readouterr().out
    assert "\x1b" not in said and "1 regression, 0 improvements" in said
