"""The advice on a terminal, however narrow, and with any name in it."""

from __future__ import annotations

import re

import pytest

from colocate.model.limits import Limits
from colocate.report.advise.terminal import print_advice
from tests.report.advise.judged import NASTY, evidence_of, judged


def test_a_person_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_advice(judged())
    said = capsys.readouterr().out
    assert "1 SAFE, 1 UNSAFE, 1 UNDECIDED with p95 slowdown <= 1.200, power <= 10.0 W" in said
    assert "blocks (1)" in said and "(1) the interval of power holds its limit" in said
    assert "power_w" not in said and "cool" in said and "recommended" in said
    assert "Over all 3 cells together the chance of any wrong SAFE is at most 5 %" in " ".join(said.split())
    print_advice(judged(Limits(power_budget_w=5.0)))
    assert "nothing is safe within these limits" in capsys.readouterr().out


def test_a_terminal_of_80_columns_breaks_no_verdict_and_no_interval(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colocate.report.text.tables._FILE_COLUMNS", 80)
    print_advice(judged(evidence=evidence_of("/somewhere/far/away/a-detector.onnx")))
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith(("cool ", "hot ", "warm "))]
    assert [row.split()[1] for row in rows] == ["SAFE", "UNSAFE", "UNDECIDED"]
    assert all(re.search(r"\[\d+\.?\d*, \d+\.?\d*\]", row) for row in rows)
    assert max(map(len, said.splitlines())) <= 80
    assert "In every row clocks, MHz: native." in said
    assert said.rstrip().rpartition("limit: ")[0].rpartition("\n1 SAFE, 1 UNSAFE")[1], "recommendations come last"
    assert "a-detector: cool" in said


def test_names_are_the_users_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_advice(judged(evidence=evidence_of(NASTY)))
    assert "\x1b" not in capsys.readouterr().out
