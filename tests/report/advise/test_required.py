"""What a user must run, named among the judged cells."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import SpecError
from colocate.model.containment import parse_containment
from colocate.model.limits import Limits
from colocate.model.request import ClockPoint
from colocate.report.advise.answer import requirements
from colocate.report.advise.required import required, worst
from colocate.study.evidence import Evidence
from colocate.study.verdicts import Verdict
from tests.report.advise.judged import P95, POWER, evidence_of, judged

RULINGS = judged().advice.rulings
COOL, HOT, WARM = RULINGS


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("alexnet:cool", Verdict.SAFE), ("alexnet:hot:isolated", Verdict.UNSAFE), ("alexnet:cool:none", Verdict.SAFE),
        (" alexnet:cool:isolated:none@native ", Verdict.SAFE), ("alexnet:warm@native", Verdict.UNDECIDED),
    ],
)  # fmt: skip
def test_a_deployment_is_named_as_closely_as_one_likes(text: str, verdict: Verdict) -> None:
    (found,) = required(RULINGS, [text])
    assert (found.verdict, len(found.rulings), found.text) == (verdict, 1, text.strip())


def test_what_is_left_out_stands_for_all_of_it() -> None:
    at_clocks = dataclasses.replace(HOT.cell, task="cool", clocks=ClockPoint(1_734_000_000, 998_400_000))
    idle = dataclasses.replace(COOL.cell, containment=parse_containment("idle"))
    rulings = [COOL, dataclasses.replace(HOT, cell=at_clocks), dataclasses.replace(COOL, cell=idle)]
    assert [(len(each.rulings), each.verdict) for each in required(rulings, [
        "alexnet:cool", "alexnet:cool@native", "alexnet:cool@1734/998.4", "alexnet:cool:idle",
    ])] == [(3, Verdict.UNSAFE), (2, Verdict.SAFE), (1, Verdict.UNSAFE), (1, Verdict.SAFE)]  # fmt: skip


def test_a_cell_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"no cell 'alexnet:col'; write NETWORK:TASK.*, as in alexnet:cool$"):
        required(RULINGS, ["alexnet:col"])
    assert required(RULINGS, []) == ()


def test_of_several_the_worst_decides() -> None:
    assert worst([Verdict.SAFE, Verdict.UNDECIDED]) is Verdict.UNDECIDED
    assert worst([Verdict.UNDECIDED, Verdict.UNSAFE, Verdict.SAFE]) is Verdict.UNSAFE


def at(middle: float, cpu_hz: int, work_share: float | None = 0.5) -> Evidence:
    """The task cool at a clock, with a slowdown that is known well."""
    cool = evidence_of()[1]
    cell = dataclasses.replace(cool.cell, clocks=ClockPoint(cpu_hz, cpu_hz))
    values = {P95: {repeat: middle * (1 + 0.001 * repeat) for repeat in range(5)}}
    return dataclasses.replace(cool, cell=cell, values=values, work_share=work_share)


def required_of(*evidence: Evidence, max_slowdown: float = 1.2) -> str:
    report = judged(Limits(max_slowdown=max_slowdown), evidence)
    (line,) = requirements(dataclasses.replace(report, required=required(report.advice.rulings, ["alexnet:cool"])))
    return line


def test_of_several_cells_the_one_nearest_to_safe_is_named() -> None:
    """It is where the least is missing. Of those that are SAFE it is the one with the least to spare."""
    line = required_of(at(2.0, 1_000_000), at(1.3, 2_000_000), at(1.6, 3_000_000))
    assert "slowdown 1.303 [" in line and line.endswith("at 2/2 MHz (CPU/GPU), the nearest to SAFE of these")
    line = required_of(at(1.0, 1_000_000), at(1.15, 2_000_000), at(1.1, 3_000_000))
    assert "slowdown 1.152 [" in line and line.endswith("the nearest to its limit of these")
    line = required_of(at(2.0, 1_000_000), at(1.1, 2_000_000), at(1.6, 3_000_000))
    assert "slowdown 1.603 [" in line and line.endswith("the nearest to SAFE of these")
    assert "UNSAFE, as 2 of the 3 cells that it names are; " in line
    line = required_of(at(2.0, 1_000_000), at(1.1, 2_000_000))
    assert "UNSAFE, as 1 of the 2 cells that it names are; " in line


def test_of_several_limits_the_one_that_is_broken_furthest_tells_how_near_a_cell_is() -> None:
    slow, hot = at(1.5, 1_000_000), at(1.3, 2_000_000)
    watts = {repeat: 30.0 + 0.01 * repeat for repeat in range(5)}
    hot = dataclasses.replace(hot, values={**hot.values, POWER: watts})
    slow = dataclasses.replace(slow, values={**slow.values, POWER: dict.fromkeys(range(5), 5.0)})
    report = judged(Limits(max_slowdown=1.2, power_budget_w=10.0), [slow, hot])
    (line,) = requirements(dataclasses.replace(report, required=required(report.advice.rulings, ["alexnet:cool"])))
    assert "at 1/1 MHz" in line


def test_a_quantity_that_is_not_known_may_be_anything() -> None:
    unknown = dataclasses.replace(at(1.0, 1_000_000), values={})
    wide = dataclasses.replace(at(1.0, 2_000_000), values={P95: {0: 1.0, 1: 1.6}})
    assert "at 2/2 MHz" in required_of(unknown, wide) and "at 2/2 MHz" in required_of(wide, unknown)


def test_a_required_cell_in_which_the_task_does_no_work_says_so() -> None:
    line = required_of(at(1.0, 1_000_000, 0.001), at(1.05, 2_000_000))
    assert ": SAFE; " in line and line.endswith(
        "nearest to its limit of these; the task does next to no work in 1 cell"
    )


def test_what_is_required_is_said_with_what_decided() -> None:
    report = dataclasses.replace(judged(), required=required(RULINGS, ["alexnet:hot"]))
    (line,) = requirements(report)
    assert line.startswith("Required alexnet:hot: UNSAFE; power 12.0 W [") and "limit 10 W, hot, isolated" in line
    assert report.answer is Verdict.UNSAFE and judged().answer is Verdict.SAFE
