"""The answer: the choice's own numbers against the limits, and never a slow network in silence."""

from __future__ import annotations

import dataclasses

from colocate.model.containment import Containment
from colocate.model.limits import Limits, Quantity
from colocate.model.request import ClockPoint
from colocate.report.advise.answer import FAR_SLOWER, answers, where
from colocate.study.evidence import Evidence
from tests.report.advise.judged import P95, evidence_of, judged


def around(middle: float) -> dict[int, float]:
    return {repeat: middle * (1 + 0.001 * (repeat - 2)) for repeat in range(5)}


def at(hz: int, p95_s: float, power_w: float) -> Evidence:
    """The task cool at a clock point, where it gets as much done as anywhere."""
    cool = evidence_of()[1]
    cell = dataclasses.replace(cool.cell, clocks=ClockPoint(hz, hz), p95_s=p95_s, power_w=power_w)
    return dataclasses.replace(cool, cell=cell, values={P95: around(1.05)})


def test_the_choice_says_its_own_numbers_against_the_limits() -> None:
    (answer,) = answers(judged())
    assert (answer.network, answer.recommended) == (
        "alexnet",
        "cool, isolated: p95 12.0 ms, p95 slowdown 1.050 (limit 1.2), 8.00 W (limit 10), at 50 % of its full speed",
    )
    assert answer.more == ("Not decided yet: warm", "SAFE nowhere: hot")


def test_a_latency_stands_against_its_limit() -> None:
    solo, cool, *_ = evidence_of()
    timed = dataclasses.replace(cool, values={**cool.values, Quantity.LATENCY_P95: around(0.019)})
    (answer,) = answers(judged(Limits(slo_s=0.03, power_budget_w=9.0), [solo, timed]))
    assert answer.recommended.startswith("cool, isolated: p95 19.0 ms (limit 30), 8.00 W (limit 9), at 50 %")


def test_a_network_without_a_choice_says_why() -> None:
    (none,) = answers(judged(Limits(power_budget_w=5.0)))
    assert none.recommended == "nothing is safe within these limits"
    (open_,) = answers(judged(Limits(power_budget_w=10.0), [*evidence_of()[:1], *evidence_of()[2:]]))
    assert open_.recommended == "nothing is known to be safe yet"


def test_a_network_that_is_far_slower_than_it_may_be_says_so() -> None:
    """A slowdown limit alone recommends the clocks at which a joule does the most work, however slow they are."""
    limits = Limits(max_slowdown=1.2)
    (slow,) = answers(judged(limits, [at(76_800_000, 0.1, 4.0), at(998_400_000, 0.01, 15.0)]))
    assert "76.8/76.8 MHz" in slow.recommended
    assert slow.more == (
        "The network is 10.0 times as slow there (p95 100 ms) as in its fastest SAFE choice: "
        "cool, isolated, at 998.4/998.4 MHz (CPU/GPU): p95 10.0 ms, 15.0 W",
    )
    (near,) = answers(judged(limits, [at(1_000_000, 0.01 * FAR_SLOWER, 4.0), at(2_000_000, 0.01, 15.0)]))
    assert near.more == ()


def test_every_task_has_its_best_place() -> None:
    solo, cool, *_ = evidence_of()
    other = dataclasses.replace(cool, cell=dataclasses.replace(cool.cell, task="other", power_w=9.0))
    (answer,) = answers(judged(Limits(max_slowdown=1.2), [solo, cool, other]))
    assert answer.recommended.startswith("cool, ")
    assert answer.more == (
        "Also SAFE: other, isolated: p95 12.0 ms, p95 slowdown 1.050 (limit 1.2), 9.00 W, at 50 % of its full speed",
    )


def test_a_containment_is_told_and_where_others_have_one_its_absence_too() -> None:
    cell = evidence_of()[1].cell
    assert where(cell, contained=True) == "cool without containment, isolated"
    bound = dataclasses.replace(cell, containment=Containment(idle=True))
    assert where(bound, contained=True) == "cool in containment idle, isolated"
