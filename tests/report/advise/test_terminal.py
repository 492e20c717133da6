"""The advice on a terminal, however narrow, and with any name in it."""

from __future__ import annotations

import dataclasses
import re

import pytest

from colocate.model.limits import Limits
from colocate.model.request import ClockPoint
from colocate.report.advise.terminal import print_advice
from tests.report.advise.judged import NASTY, P95, evidence_of, judged


def test_a_person_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_advice(judged())
    said = capsys.readouterr().out
    assert "1 SAFE, 1 UNSAFE, 1 UNDECIDED with p95 slowdown <= 1.2, power <= 10 W" in said
    assert "repeats (1)" in said and "(1) the limit lies inside the interval of power" in said
    assert "power_w" not in said and "cool" in said
    assert "For all 3 verdicts together the chance of any wrong SAFE is at most 5 %" in " ".join(said.split())
    print_advice(judged(Limits(power_budget_w=5.0)))
    assert "nothing is safe within these limits" in capsys.readouterr().out


def test_a_terminal_of_80_columns_breaks_no_verdict_and_no_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_advice(judged(evidence=evidence_of("/somewhere/far/away/a-detector.onnx")))
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith(("cool ", "hot ", "warm "))]
    assert [row.split()[1] for row in rows] == ["SAFE", "UNSAFE", "UNDECIDED"]
    assert all(re.search(r"\[\d+\.?\d*, \d+\.?\d*\]", row) for row in rows)
    assert max(map(len, said.splitlines())) <= 80
    assert "In every row: CPU/GPU MHz = native." in said
    assert said.rstrip().rpartition("full speed")[0].rpartition("\n1 SAFE, 1 UNSAFE")[1], "recommendations come last"
    assert "a-detector: cool" in said


def test_names_are_the_users_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_advice(judged(evidence=evidence_of(NASTY)))
    assert "\x1b" not in capsys.readouterr().out


def test_the_choices_at_many_clocks_fit_into_80_columns_uncut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    solo, cool, *_ = evidence_of("/somewhere/far/away/a-detector.onnx")
    found = [solo]
    for hz, place, share in ((1_734_000_000, "isolated", 0.9), (921_600_000, "shared", 1.0)):
        cell = dataclasses.replace(
            cool.cell, placement=place, clocks=ClockPoint(hz, 1_300_500_000), power_w=10 * share - 1,
            p50_s=0.01 * share, p95_s=0.02 * share,
        )  # fmt: skip
        values = {P95: dict(enumerate([1.0 + 0.1 * share] * 5))}
        found.append(dataclasses.replace(cool, cell=cell, values=values, work_share=share))
    report = judged(Limits(max_slowdown=1.2), evidence=found, placements=("isolated", "shared"))
    assert len(report.advice.choices) == 2
    print_advice(report)
    said = capsys.readouterr().out
    table = said[said.index("Trade-offs") : said.index("For all")].splitlines()
    assert max(map(len, table)) <= 80
    (chosen,) = (line for line in table if line.endswith(" *"))
    assert chosen.split() == [
        "isolated", "1734/1300.5", "cool", "9.00", "18.00", "1.090", "90", "%", "8.00", "W", "11.2", "%/W", "*"
    ]  # fmt: skip
