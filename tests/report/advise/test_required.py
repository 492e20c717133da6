"""What a user must run, named among the judged cells."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import SpecError
from colocate.model.containment import parse_containment
from colocate.model.request import ClockPoint
from colocate.report.advise.answer import requirements
from colocate.report.advise.required import required, worst
from colocate.study.verdicts import Verdict
from tests.report.advise.judged import judged

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


def test_what_is_required_is_said_with_what_decided() -> None:
    report = dataclasses.replace(judged(), required=required(RULINGS, ["alexnet:hot"]))
    (line,) = requirements(report)
    assert line.startswith("Required alexnet:hot: UNSAFE; power 12.0 W [") and "limit 10 W, hot, isolated" in line
    assert report.answer is Verdict.UNSAFE and judged().answer is Verdict.SAFE
