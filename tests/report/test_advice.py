"""Advice in words: every verdict with what it hangs on, and names that stay names."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from colocate.report.advise.advice import (
    Counsel,
    Shown,
    counsel,
    counsel_json,
    counsel_markdown,
    interval_words,
    print_counsel,
    saving_words,
)
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.cell import Cell, Interval
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, SweepSpec, Task
from colocate.report.text.tables import escaped
from colocate.store import Header
from colocate.study.evidence import Evidence
from colocate.study.saving import Saving
from colocate.study.stages import OverBudget, StudyState
from colocate.study.stats import POOL_MIN_CELLS
from tests.study.test_plan import facts

NASTY = "a|b`*_[x](http://y)<script>\n# $z$ @all \x1b[31m www.example.org ~~.onnx"
POWER, P95 = Quantity.POWER, Quantity.SLOWDOWN_P95


def judged(limits: Limits, network: str = "alexnet", finished: bool = True) -> Counsel:
    """A run of one network with tasks that are clear, too hot, and too near to the limit of 10 W."""
    spec = SweepSpec((Inference(network),), tuple(map(Task, ("cool", "hot", "warm"))))
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
    return counsel(Shown(header, StudyState((), finished, tuple(evidence)), 30), limits)


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


def test_the_correction_is_stated_whole() -> None:
    said = judged(LIMITS).correction
    assert "lower bounds for 2 kinds of limit too" in said and "Smyth 2004" not in said, "three are too few for that"
    shown = judged(LIMITS).shown
    solo, cool, *_ = shown.standing.evidence
    cells = [dataclasses.replace(cool.cell, task=f"task {n}") for n in range(POOL_MIN_CELLS)]
    many = dataclasses.replace(
        shown.standing, evidence=(solo, *(dataclasses.replace(cool, cell=cell) for cell in cells))
    )
    assert "over the table (Smyth 2004)" in counsel(dataclasses.replace(shown, standing=many), LIMITS).correction
    one = dataclasses.replace(shown.standing, evidence=shown.standing.evidence[:2])
    assert "widened for 1 cell (" in counsel(dataclasses.replace(shown, standing=one), LIMITS).correction


def test_a_run_that_is_too_short_names_the_one_that_would_do() -> None:
    found = judged(LIMITS)
    warm = found.advice.rulings[-1]
    assert warm.further_blocks is not None
    more = f"More blocks take a new run, with --repeats {5 + warm.further_blocks} for all that would help"
    assert any(note.startswith(more) for note in found.notes)
    assert not any("--repeats" in note for note in judged(Limits(power_budget_w=5.0)).notes)


def test_a_doubt_that_decides_comes_with_its_remedy() -> None:
    assert judged(LIMITS).remedies == ()
    shown = judged(LIMITS).shown
    solo, *tasks = shown.standing.evidence
    doubted = [dataclasses.replace(each, values={}, left_out={POWER: (QualityFlag.OTHER_LOAD,)}) for each in tasks]
    stands = dataclasses.replace(shown.standing, evidence=(solo, *doubted))
    found = counsel(dataclasses.replace(shown, standing=stands), Limits(power_budget_w=10.0))
    assert found.remedies == (f"{QualityFlag.OTHER_LOAD.value}: {QualityFlag.OTHER_LOAD.remedy}",)
    assert counsel_markdown(found).count(escaped(QualityFlag.OTHER_LOAD.remedy)) == 1


def test_an_unfinished_study_until_decided_tells_whether_it_was_looked_at() -> None:
    shown = judged(LIMITS, finished=False).shown
    spec = dataclasses.replace(shown.header.spec, limits=LIMITS, until_decided=True, repeats=30)
    shown = dataclasses.replace(shown, header=dataclasses.replace(shown.header, spec=spec))
    assert "no look has been reached yet (the first comes after 4 repeats)" in counsel(shown, LIMITS).notes[0]
    looked = dataclasses.replace(shown, standing=dataclasses.replace(shown.standing, looks=1))
    assert "its last complete look" in counsel(looked, LIMITS).notes[0]


def test_the_end_of_the_budget_and_hindsight_are_named() -> None:
    found = judged(LIMITS)
    spec = dataclasses.replace(found.shown.header.spec, budget_s=300.0)
    stands = dataclasses.replace(found.shown.standing, over_budget=OverBudget(12, 352.0))
    shown = dataclasses.replace(
        found.shown, header=dataclasses.replace(found.shown.header, spec=spec), standing=stands
    )
    told = dataclasses.replace(found, shown=shown, saving=Saving(100.0, 1, 80.0))
    assert "The budget of 300 s ended it: the next look, after 12 repeats, would take until 352 s." in told.notes
    assert "25 % more than a fixed design that, with hindsight" in saving_words(told)
    assert "1 repeat of every cell" in saving_words(told)


def test_a_frame_rate_and_its_misses_are_told() -> None:
    shown = judged(LIMITS).shown
    timed = [
        dataclasses.replace(
            each,
            cell=dataclasses.replace(
                each.cell, inference=Inference("alexnet", period_s=0.0333), miss_ratio=0.25, longest_miss_run=3
            ),
        )
        for each in shown.standing.evidence
    ]
    stands = dataclasses.replace(shown.standing, evidence=tuple(timed))
    found = counsel(dataclasses.replace(shown, standing=stands), LIMITS)
    page = counsel_markdown(found)
    assert "a frame every 33.3 ms" in page and "25 %, 3 running" in page
    assert {(v["miss_ratio"], v["longest_miss_run"]) for v in counsel_json(found, Path("run"))["verdicts"]} == {
        (0.25, 3)
    }


def test_a_margin_that_no_float_holds_is_absent() -> None:
    found = counsel_json(judged(Limits(power_budget_w=1e-320)), Path("run"))
    assert {check["margin"] for each in found["verdicts"] for check in each["checks"]} == {None}
    json.dumps(found, allow_nan=False)


def test_a_terminal_of_80_columns_breaks_no_verdict_and_no_interval(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("colocate.report.text.tables._FILE_COLUMNS", 80)
        print_counsel(judged(LIMITS, "/somewhere/far/away/a-detector.onnx"))
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith(("cool ", "hot ", "warm "))]
    assert [row.split()[1] for row in rows] == ["SAFE", "UNSAFE", "UNDECIDED"]
    assert all(re.search(r"\[\d+\.?\d*, \d+\.?\d*\]", row) for row in rows)
    assert max(map(len, said.splitlines())) <= 80
    assert "In every row clocks, MHz: native." in said
    assert said.rstrip().rpartition("limit: ")[0].rpartition("\n1 SAFE, 1 UNSAFE")[1], "recommendations come last"
    assert "a-detector: cool" in said


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
        counsel(Shown(shown.header, StudyState((), True, ()), 0), LIMITS)
