"""The rows of the two tables: what stands in which column, and which choices are shown."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.limits import Limits
from colocate.model.request import ClockPoint, Inference
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.rows import (
    CHOICE_COLUMNS,
    COLUMNS,
    KEPT,
    SPARE,
    SPARE_OF_CHOICES,
    choice_rows,
    remaining_words,
    verdict_rows,
)
from colocate.study.verdicts import Ruling, Verdict
from tests.report.advise.judged import NASTY, P95, evidence_of, judged
from tests.study.tables import around, evidence


def verdicts(report: AdviceReport) -> list[dict[str, str]]:
    """The rows of verdicts by the names of their columns."""
    return [dict(zip(COLUMNS, row, strict=True)) for row in verdict_rows(report, lambda ruling: ruling.cell.task)]


def choices(report: AdviceReport) -> list[dict[str, str]]:
    return [dict(zip(CHOICE_COLUMNS, row, strict=True)) for row in choice_rows(report)]


def at_steps(*steps: tuple[int, float | None, float | None]) -> AdviceReport:
    """Advice on one task that is SAFE at several clock points in Hz, each with a share of its work and a power."""
    cool = evidence_of()[1].cell
    found = [
        dataclasses.replace(
            evidence(dataclasses.replace(cool, clocks=ClockPoint(hz, hz), power_w=power_w), {P95: around(1.05)}),
            work_share=share,
        )
        for hz, share, power_w in steps
    ]
    return judged(Limits(max_slowdown=1.2), found)


def test_a_row_says_the_verdict_and_the_quantity_that_decides() -> None:
    cool, hot, warm = verdicts(judged())
    assert [row["beside"] for row in (cool, hot, warm)] == ["cool", "hot", "warm"]
    assert [row["verdict"] for row in (cool, hot, warm)] == ["SAFE", "UNSAFE", "UNDECIDED"]
    assert [row["tightest limit"] for row in (cool, hot, warm)] == ["p95 slowdown", "power", "power"]
    assert [row["limit"] for row in (cool, hot, warm)] == ["1.2", "10 W", "10 W"]
    assert cool["estimate [interval]"].startswith("1.050 [1.0") and hot["estimate [interval]"].startswith(
        "12.00 W [1"
    )
    assert (hot["network"], hot["placement"], hot["CPU/GPU MHz"], hot["missed"]) == (
        "alexnet",
        "isolated",
        "native",
        "",
    )
    assert [row["to decide it"] for row in (cool, hot, warm)] == ["cool", "hot", "warm"], "as the caller words it"


def test_ways_to_run_a_network_are_told_apart() -> None:
    half = [
        dataclasses.replace(
            each, cell=dataclasses.replace(each.cell, inference=Inference("alexnet", precision="fp16"))
        )
        for each in evidence_of()
    ]
    rows = verdicts(judged(evidence=[*evidence_of(), *half]))
    assert [row["network"] for row in rows] == ["alexnet fp32"] * 3 + ["alexnet fp16"] * 3


def test_misses_of_a_frame_rate_have_a_column() -> None:
    timed = [
        dataclasses.replace(each, cell=dataclasses.replace(each.cell, miss_ratio=0.0025, longest_miss_run=3))
        for each in evidence_of()
    ]
    assert {row["missed"] for row in verdicts(judged(evidence=timed))} == {"0.25 %, 3 running"}


def test_names_are_on_one_line_and_short() -> None:
    for row in verdicts(judged(evidence=evidence_of(NASTY))):
        assert len(row["network"]) <= 26 and row["network"].isprintable()


def test_columns_that_are_kept_are_columns() -> None:
    assert {*KEPT, *SPARE} <= COLUMNS.keys()
    assert {*SPARE_OF_CHOICES} <= CHOICE_COLUMNS.keys()


def test_a_choice_says_its_work_its_power_and_what_a_joule_does() -> None:
    (row,) = choices(judged())
    assert (row["task"], row["speed"], row["power"]) == ("cool", "50 %", "8.00 W")
    assert (row["p50, ms"], row["p95, ms"]) == ("10.0", "12.0")
    assert float(row["speed/W"].removesuffix(" %/W")) == pytest.approx(50 / 8, rel=0.005)
    assert (row["slowdown"], row[""]) == ("1.050", "*")


def test_what_is_not_known_of_a_choice_is_empty() -> None:
    (row,) = choices(at_steps((1, None, None)))
    assert (row["speed"], row["power"], row["speed/W"]) == ("", "", "")
    assert row[""] == "*", "without work and power nothing else ranks it"


def test_only_the_front_and_the_recommended_choice_are_shown() -> None:
    rows = choices(at_steps((1_000_000, 0.5, 4.0), (2_000_000, 0.9, 8.0), (3_000_000, 0.8, 9.0)))
    assert [(row["CPU/GPU MHz"], row[""]) for row in rows] == [("1/1", "*"), ("2/2", "")]


def test_nothing_safe_is_no_row() -> None:
    assert choices(judged(Limits(power_budget_w=5.0))) == []


@pytest.mark.parametrize(
    ("further", "reason", "words"),
    [
        (1, "the interval holds its limit", "about 1 more repeat; the interval holds its limit"),
        (12, "", "about 12 more repeats"),
        (None, "not metered", "not metered"),
        (None, "", ""),
    ],
)
def test_what_would_decide_a_cell(further: int | None, reason: str, words: str) -> None:
    cell = evidence_of()[1].cell
    assert remaining_words(Ruling(cell, Verdict.UNDECIDED, (), further, True, reason)) == words
