"""Which containment a task should have."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.model.containment import parse_containment
from colocate.model.limits import Limits, Quantity
from colocate.model.request import ClockPoint
from colocate.study.advice import advise
from colocate.study.containments import Contained, containments
from colocate.study.evidence import Evidence
from colocate.study.verdicts import Verdict
from tests.study.tables import around, cell, evidence


def contained(words: str, slowdown: float | None, share: float | None = None, task: str = "jpeg") -> Evidence:
    """Evidence of a task in that containment, with this slowdown and share of its full speed."""
    own = dataclasses.replace(cell("alexnet", 1, task), containment=parse_containment(words))
    values = {} if slowdown is None else {Quantity.SLOWDOWN_P95: around(slowdown)}
    return dataclasses.replace(evidence(own, values), work_share=share)


def best(*found: Evidence) -> list[Contained]:
    return list(containments(advise(found, Limits(max_slowdown=1.2))))


def words(*found: Evidence) -> list[str]:
    return ["none" if (own := each.ruling.cell.containment) is None else own.words for each in best(*found)]


def test_of_those_that_are_safe_it_is_the_one_with_the_most_work() -> None:
    (own,) = best(
        contained("none", 2.0, 0.5), contained("idle", 1.0, 0.03), contained("weight=10", 1.1, 0.1),
        contained("quota=20%", 1.4, 0.2),
    )  # fmt: skip
    assert own.safe and own.work_share == 0.1
    assert own.ruling.cell.containment == parse_containment("weight=10")


def test_work_that_is_not_known_is_less_than_any_that_is() -> None:
    assert words(contained("idle", 1.0), contained("weight=10", 1.0, 0.02)) == ["weight=10"]
    assert words(contained("weight=10", 1.0), contained("idle", 1.0)) == ["idle"]


@pytest.mark.parametrize(
    ("shares", "taken"),
    [
        ({"idle": 0.95, "none": 0.91}, "none"),
        ({"idle": 0.95, "none": 0.89}, "idle"),
        ({"idle": 0.0, "none": 0.0}, "none"),
        # Of equally simple ones that with the most work.
        ({"weight=10": 0.50, "weight=20": 0.51}, "weight=20"),
        ({"weight=10+cpus=1": 0.50, "quota=20%": 0.49, "weight=10": 0.48}, "weight=10"),
    ],
)
def test_it_is_the_simplest_of_those_that_do_about_as_much(shares: dict[str, float], taken: str) -> None:
    found = [contained(name, 1.0, share) for name, share in shares.items()]
    assert words(*found) == words(*reversed(found)) == [taken]


@pytest.mark.parametrize("unknown", [(), (contained("cpus=1", None),)])
def test_where_none_is_safe_it_is_the_one_that_came_nearest(unknown: tuple[Evidence, ...]) -> None:
    (own,) = best(*unknown, contained("none", 2.0, 0.5), contained("idle", 1.25, 0.03), contained("weight=10", 1.5))
    assert not own.safe and own.ruling.verdict is Verdict.UNSAFE
    assert own.ruling.cell.containment == parse_containment("idle")


def test_each_task_in_each_placement_has_one() -> None:
    found = [contained(words, 1.0, 0.5, task) for task in ("jpeg", "bitcount") for words in ("none", "idle")]
    shared = [dataclasses.replace(each, cell=dataclasses.replace(each.cell, placement="shared")) for each in found]
    assert [(each.ruling.cell.task, each.ruling.cell.placement) for each in best(*found, *shared)] == [
        ("jpeg", "isolated"), ("bitcount", "isolated"), ("jpeg", "shared"), ("bitcount", "shared"),
    ]  # fmt: skip


def test_the_nearest_is_known_only_where_every_limited_quantity_is() -> None:
    limits = Limits(max_slowdown=1.2, power_budget_w=10.0)
    unmetered = [contained("none", 2.0, 0.5), contained("idle", 1.5, 0.03)]
    (own,) = containments(advise(unmetered, limits))
    assert not own.safe
    (own,) = best(*unmetered)
    assert not own.safe and own.ruling.cell.containment == parse_containment("idle")


def test_the_answer_of_a_task_is_the_row_of_its_placement_and_the_only_one_marked() -> None:
    """Though other clocks of that placement do a little more of what choices are ranked by."""
    slow, quick = contained("none", 1.0, 0.50), contained("none", 1.0, 0.52)
    quick = dataclasses.replace(quick, cell=dataclasses.replace(quick.cell, clocks=ClockPoint(9, 9)))
    beside = contained("idle", 1.0, 0.525)
    beside = dataclasses.replace(beside, cell=dataclasses.replace(beside.cell, placement="shared"))
    found = best(slow, quick, beside)
    assert [(each.ruling.cell.placement, each.best_of_task) for each in found] == [
        ("isolated", True), ("shared", False),
    ]  # fmt: skip
    assert found[0].ruling.cell == slow.cell
