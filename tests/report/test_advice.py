"""Advice in words: every verdict with what it hangs on, and names that stay names."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.report.advice import (
    Counsel,
    Shown,
    counsel,
    counsel_json,
    counsel_markdown,
    escaped,
    interval_words,
    print_counsel,
)
from colocate.store import Header
from colocate.study.advice import Limits
from colocate.study.evidence import Evidence
from colocate.study.limits import Quantity
from colocate.study.model import Cell, ClockPoint, Inference, Interval, Stressor, SweepSpec
from colocate.study.stages import Standing
from tests.study.test_plan import facts

NASTY = "a|b`*_[x](http://y)<script>\n# $z$ @all \x1b[31m www.example.org ~~.onnx"
POWER, P95 = Quantity.POWER, Quantity.SLOWDOWN_P95


def judged(limits: Limits, network: str = "alexnet", finished: bool = True) -> Counsel:
    """A run of one network with tasks that are clear, too hot, and too near to the limit of 10 W."""
    spec = SweepSpec((Inference(network),), tuple(map(Stressor, ("cool", "hot", "warm"))))
    z = np.array([-1.0, 0.0, 1.0, -0.5, 0.5])
    evidence = [
        Evidence(
            Cell(Inference(network), name, "isolated", ClockPoint(), 500, 5, power_w=power_w, work_per_s=1.0),
            {POWER: dict(enumerate(power_w * np.exp(0.01 * z))), P95: dict(enumerate(1.05 * np.exp(0.01 * z)))},
            {},
            {},
            work_share=0.5 if name != "none" else None,
        )
        for name, power_w in (("none", 7.0), ("cool", 8.0), ("hot", 12.0), ("warm", 9.95))
    ]
    header = Header({}, spec, facts(), {}, {}, 40)
    return counsel(Shown(header, Standing((), finished, tuple(evidence)), 30), limits)


LIMITS = Limits(power_budget_w=10.0, max_slowdown=1.2)


def test_every_verdict_names_what_it_hangs_on() -> None:
    found = counsel_json(judged(LIMITS), Path("run"))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    cool, hot, warm = found["verdicts"]
    assert (cool["verdict"], hot["verdict"], warm["verdict"]) == ("SAFE", "UNSAFE", "UNDECIDED")
    assert (cool["decided_by"], hot["decided_by"], warm["decided_by"]) == ("slowdown_p95", "power_w", "power_w")
    assert warm["further_blocks"] > 1 and hot["further_blocks"] is None
    assert [check["limit"] for check in hot["checks"]] == [1.2, 10.0]
    assert found["counts"] == {"SAFE": 1, "UNSAFE": 1, "UNDECIDED": 1}
    (choice,) = found["choices"]
    assert choice["tasks"] == ["cool"] and choice["recommended"] and choice["on_front"]
    assert choice["power_w"] == pytest.approx((8.0 + 7.0 + 7.0) / 3)


def test_a_person_reads_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_counsel(judged(LIMITS))
    said = capsys.readouterr().out
    assert "1 SAFE, 1 UNSAFE, 1 UNDECIDED with p95 slowdown <= 1.200, power <= 10 W" in said
    assert "blocks (1)" in said and "(1) the interval of power holds its limit" in said
    assert "power_w" not in said and "cool" in said and "recommended" in said
    assert "Over all 3 cells together the chance of any wrong SAFE is at most 5 %" in " ".join(said.split())
    print_counsel(judged(Limits(power_budget_w=5.0)))
    assert "nothing is safe within these limits" in capsys.readouterr().out


def test_an_unfinished_run_says_so() -> None:
    assert "unfinished, with 30 of 0 trials" in judged(LIMITS, finished=False).notes[0]
    assert not any("unfinished" in note for note in judged(LIMITS).notes)


def test_names_are_the_users_own(capsys: pytest.CaptureFixture[str]) -> None:
    print_counsel(judged(LIMITS, NASTY))
    assert "\x1b" not in capsys.readouterr().out
    page = counsel_markdown(judged(LIMITS, NASTY))
    assert "\x1b" not in page and not re.search(r"(?<!\\)<script", page)
    rows = [line for line in page.splitlines() if line.startswith("|")]
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in rows}
    assert widths == {10, 11}, "no name makes a column"


@given(st.text())
def test_nothing_begins_in_an_escaped_name(name: str) -> None:
    safe = escaped(name)
    assert safe.isprintable()
    assert not re.search(r"(?<!\\)(?:\\\\)*[`*_\[\]<>|~$@&]", safe)
    assert html.unescape(safe) == safe or "\\&" in safe


def test_an_end_that_is_not_known_is_a_question_mark() -> None:
    assert interval_words(Quantity.LATENCY_P95, Interval(0.0123, None, 0.0130)) == "12.3 ms [?, 13]"
    assert interval_words(Quantity.WORK_LOSS, Interval(0.05, 0.02, 0.0812)) == "5 % [2, 8.12]"
    assert interval_words(POWER, None) == ""


def test_a_run_without_a_task_has_nothing_to_judge() -> None:
    shown = judged(LIMITS).shown
    with pytest.raises(SpecError, match="nothing to judge"):
        counsel(Shown(shown.header, Standing((), True, ()), 0), LIMITS)
