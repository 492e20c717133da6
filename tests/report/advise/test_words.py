"""What verdicts promise, what would decide more, and what a run was made for: in sentences."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from colocate.model.cause import Cause, ExtraTime
from colocate.model.cell import Interval
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.report.advise.words import (
    afterwards,
    chosen_later_words,
    correction,
    interval_words,
    notes,
    remedies,
    saving_words,
    summary,
    unsafe_causes,
)
from colocate.study.saving import Saving
from colocate.study.stages import OverBudget
from tests.report.advise.judged import LIMITS, POWER, evidence_of, judged
from tests.study.test_plan import facts


def test_an_unfinished_run_says_so() -> None:
    assert "unfinished, with 30 of 0 trials" in notes(judged(finished=False))[0]
    assert not any("unfinished" in note for note in notes(judged()))


def test_the_correction_is_stated_whole() -> None:
    said = correction(judged())
    assert said.startswith(
        "For all 3 verdicts together the chance of any wrong SAFE is at most 5 %, and so is that of"
    )
    assert "intervals are widened for that (Bonferroni; docs/statistics.md)." in said
    solo, cool, *_ = evidence_of()
    assert correction(judged(evidence=(solo, cool))).startswith("For the one verdict the chance")


def test_limits_that_are_not_those_of_the_study_are_said_to_weaken_the_promise() -> None:
    words = chosen_later_words(2, LIMITS.confidence)
    assert words.endswith("is at most 10 %: 5 % for each of the 2 kinds of limit.")
    assert words in correction(judged()), "the study has none"
    run = judged().run
    header = dataclasses.replace(run.header, spec=dataclasses.replace(run.header.spec, limits=LIMITS))
    of_the_study = dataclasses.replace(run, header=header)
    assert words not in correction(dataclasses.replace(judged(), run=of_the_study))
    assert chosen_later_words(1, LIMITS.confidence) == ""


def test_a_run_that_is_too_short_names_the_one_that_would_do() -> None:
    found = judged()
    warm = found.advice.rulings[-1]
    assert warm.further_blocks is not None
    further = warm.further_blocks
    more = (
        f"To decide these cells, make a new run with --repeats {5 + further}, the 5 of this run and {further} more."
    )
    assert any(note.startswith(more) for note in notes(found))
    assert not any("--repeats" in note for note in notes(judged(Limits(power_budget_w=5.0))))


def test_a_run_that_has_its_further_blocks_still_to_come_is_to_be_resumed() -> None:
    said = "This run has these repeats still to come: --resume it."
    assert said in notes(judged(finished=False, repeats=900))
    assert said not in notes(judged(repeats=5))


def test_a_warning_that_decides_comes_with_its_remedy() -> None:
    assert remedies(judged()) == ()
    solo, *tasks = evidence_of()
    disturbed = [dataclasses.replace(each, values={}, left_out={POWER: (QualityFlag.OTHER_LOAD,)}) for each in tasks]
    found = judged(Limits(power_budget_w=10.0), [solo, *disturbed])
    assert remedies(found) == (f"{QualityFlag.OTHER_LOAD.value}: {QualityFlag.OTHER_LOAD.remedy}",)


def test_causes_are_told_of_tasks_that_make_the_network_too_slow() -> None:
    solo, *tasks = evidence_of()
    found = ExtraTime(1e-3, ((Cause.PREEMPTED, 1e-3),))
    tasks = [dataclasses.replace(each, cell=dataclasses.replace(each.cell, extra_time=found)) for each in tasks]
    # "hot" is UNSAFE by its power, which no wait explains.
    assert unsafe_causes(judged(evidence=[solo, *tasks])) == []
    (line,) = unsafe_causes(judged(Limits(max_slowdown=1.01), [solo, *tasks]))
    assert line.startswith("alexnet beside cool, isolated: the launch thread was preempted for 1.00 ms of 1.00 ms")
    assert line in afterwards(judged(Limits(max_slowdown=1.01), [solo, *tasks]))


def test_an_unfinished_study_until_decided_tells_whether_it_was_looked_at() -> None:
    until_decided: dict[str, Any] = {"limits": LIMITS, "until_decided": True, "repeats": 30}
    first = notes(judged(finished=False, **until_decided))[0]
    assert "no look has been reached yet (the first comes after 4 repeats)" in first
    assert "its last complete look" in notes(judged(finished=False, state={"looks": 1}, **until_decided))[0]


def test_the_end_of_the_budget_and_hindsight_are_named() -> None:
    found = judged(state={"over_budget": OverBudget(12, 352.0)}, budget_s=300.0, saving=Saving(100.0, 1, 80.0))
    said = "The budget of 300 s ended it: the next look, after 12 repeats, would take until 352 s."
    assert said in notes(found)
    assert "25 % more than a fixed design that, with hindsight" in saving_words(found)
    assert "1 repeat of every cell" in saving_words(found)
    assert saving_words(judged()) == ""


def test_the_summary_says_the_limits_as_they_were_set_and_that_a_model_is_one() -> None:
    said = "1 SAFE, 1 UNSAFE, 1 UNDECIDED with p95 slowdown <= 1.2, power <= 10 W"
    found = judged()
    assert summary(found) == said
    header = dataclasses.replace(found.run.header, facts=dataclasses.replace(facts(), rig="tx1-model"))
    model = dataclasses.replace(found, run=dataclasses.replace(found.run, header=header))
    assert summary(model) == f"{said} (MODEL of a Tegra X1, not a measurement)"


@pytest.mark.parametrize(
    ("quantity", "interval", "words"),
    [
        (Quantity.LATENCY_P95, Interval(0.0123, None, 0.0130), "12.3 ms [?, 13.0]"),
        (Quantity.WORK_LOSS, Interval(0.05, 0.02, 0.0812), "5.00 % [2.00, 8.12]"),
        (Quantity.SLOWDOWN_P50, Interval(1.05, 1.0, 1.1), "1.050 [1.000, 1.100]"),
        (POWER, Interval(8.0, 7.5, None), "8.00 W [7.50, ?]"),
        (POWER, Interval(9.98, 9.95, 10.03), "9.98 W [9.95, 10.03]"),
        (Quantity.SLOWDOWN_P50, Interval(1.5, 0.7, 3e9), "1.500 [0.700, > 100]"),
        (Quantity.WORK_LOSS, Interval(0.5, -1e6, 0.9), "50.0 % [< -100, 90.0]"),
        (POWER, None, ""),
    ],
)
def test_an_end_that_is_not_known_is_a_question_mark(
    quantity: Quantity, interval: Interval | None, words: str
) -> None:
    assert interval_words(quantity, interval) == words


def test_a_verdict_under_a_quota_of_the_container_says_that_it_holds_under_that_only() -> None:
    solo, cool, *_ = evidence_of()
    under = dataclasses.replace(cool, cell=dataclasses.replace(cool.cell, warnings=(QualityFlag.QUOTA_THROTTLED,)))
    (said,) = remedies(judged(evidence=(solo, under)))
    assert "verdicts hold under that quota only" in said
    assert remedies(judged(evidence=(solo, cool))) == ()
