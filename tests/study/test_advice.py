"""Verdicts on a whole table: what they never do, how often they are wrong, and the choice that is recommended."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.model.cell import Cell, Interval
from colocate.model.containment import Containment, parse_containment
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.model.request import Inference, SweepSpec, Task
from colocate.study.advice import Advice, Choice, Verdict, advise
from colocate.study.bounds import bounds
from colocate.study.containments import containments
from colocate.study.evidence import Evidence, collect
from tests.study.measured import measured
from tests.study.tables import COLOCATED, LIMITS, Noise, Outcome, around, cell, draw, evidence, rates
from tests.study.truth import NETWORK, SPEC, Truth, record, trial

ORDER = (Verdict.UNSAFE, Verdict.UNDECIDED, Verdict.SAFE)
P50, POWER, WORK = Quantity.SLOWDOWN_P50, Quantity.POWER, Quantity.WORK_LOSS


# ---- what never happens


@st.composite
def tables(draw_: st.DrawFn) -> list[Evidence]:
    rng = np.random.default_rng(draw_(st.integers(0, 2**32 - 1)))
    found = []
    for of in COLOCATED[: draw_(st.integers(1, 12))]:
        blocks = int(rng.integers(1, 7))
        values = {P50: rng.uniform(1, 1.3), POWER: rng.uniform(5, 12), WORK: rng.uniform(-0.1, 0.5)}
        noise = {q: rng.uniform(0.0, 0.05) * rng.standard_normal(blocks) for q in values}
        of_all = evidence(of, {q: np.array([q.exp(q.log(v) + e) for e in noise[q]]) for q, v in values.items()})
        absent = {q: () if rng.random() < 0.8 else (QualityFlag.THROTTLED,) for q in values}
        kept = {q: values for q, values in of_all.values.items() if rng.random() < 0.9}
        found.append(Evidence(of, kept, {}, {q: warnings for q, warnings in absent.items() if warnings}))
    return found


limit = st.tuples(st.floats(1.01, 1.4), st.floats(4, 13), st.floats(0.01, 0.6))


def judged(table: list[Evidence], limits: tuple[float, float, float], confidence: float = 0.95) -> list[Verdict]:
    slowdown, power_w, loss = limits
    asked = Limits(
        max_slowdown=slowdown, percentile="p50", power_budget_w=power_w, max_work_loss=loss, confidence=confidence
    )
    return [found.verdict for found in advise(table, asked).rulings]


@given(tables(), limit, limit)
def test_a_looser_limit_never_makes_a_verdict_worse(
    table: list[Evidence], a: tuple[float, float, float], b: tuple[float, float, float]
) -> None:
    tight, loose = tuple(map(min, a, b)), tuple(map(max, a, b))
    for before, after in zip(judged(table, tight), judged(table, loose), strict=True):  # type: ignore[arg-type]
        assert ORDER.index(after) >= ORDER.index(before)


@given(tables(), limit, st.floats(0.5, 0.99), st.floats(0.5, 0.99))
def test_more_confidence_never_decides_more(
    table: list[Evidence], limits: tuple[float, float, float], a: float, b: float
) -> None:
    for sure, surer in zip(judged(table, limits, min(a, b)), judged(table, limits, max(a, b)), strict=True):
        assert surer in (sure, Verdict.UNDECIDED)


@given(tables(), limit, st.randoms(use_true_random=False))
def test_the_order_of_the_cells_does_not_matter(
    table: list[Evidence], limits: tuple[float, float, float], shuffler: random.Random
) -> None:
    order = shuffler.sample(range(len(table)), len(table))
    assert judged([table[i] for i in order], limits) == [judged(table, limits)[i] for i in order]


@given(tables(), limit)
def test_bounds_known_beforehand_give_the_verdicts_of_advise(
    table: list[Evidence], limits: tuple[float, float, float]
) -> None:
    """What a page does when a slider moves."""
    asked = dict(zip((P50, POWER, WORK), limits, strict=True))
    for each, found in zip(bounds(table), judged(table, limits), strict=True):
        ends = {q: each.estimates[q].interval if q in each.estimates else Interval(0.0, None, None) for q in asked}
        if any(lo > asked[q] for q, i in ends.items() if (lo := i.lo) is not None):
            assert found is Verdict.UNSAFE
        elif all(i.hi is not None and i.hi <= asked[q] for q, i in ends.items()):
            assert found is Verdict.SAFE
        else:
            assert found is Verdict.UNDECIDED


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_the_records_does_not_matter(seed: int) -> None:
    done = measured(4, 100)
    shuffled = random.Random(seed).sample(done, len(done))
    limits = Limits(max_slowdown=1.15, power_budget_w=9.0)
    assert advise(collect(shuffled, SPEC), limits) == advise(collect(done, SPEC), limits)


# ---- error rates


@pytest.mark.parametrize(
    ("noise", "at_limit"),
    [(Noise(), 0.2), (Noise(), 1.0), (Noise(rhos=(0.0, 0.5), heavy=True), 0.2)],
    ids=["a fifth at the limit", "all at the limit", "heavy tails"],
)
def test_wrong_verdicts_are_rare(noise: Noise, at_limit: float) -> None:
    """40 tables; tests/bench/test_verdicts.py has a thousand. At 5 % more than 7 of them are one chance in 700."""
    rng = np.random.default_rng(2017)
    tables_ = [draw(rng, 5, noise, at_limit) for _ in range(40)]
    false_safe, false_unsafe, decided = rates([Outcome.of(advise(t.evidence(5), LIMITS), t) for t in tables_])
    print(f"false SAFE {false_safe:.1%}, false UNSAFE {false_unsafe:.1%} of tables, decided {decided:.0%} of cells")
    assert max(false_safe, false_unsafe) * 40 <= 7
    assert decided > (0.5 if at_limit < 1 else -1)


def test_from_latencies_to_verdicts() -> None:
    """Autocorrelated windows in full, up to 30 % slower: what is far from the limit is decided, nothing wrongly."""
    rng, slowdowns = np.random.default_rng(1), [1.0, 1.02, 1.2, 1.3]
    tasks = [Task(f"task{i}") for i in range(len(slowdowns))]
    spec = SweepSpec((NETWORK,), tuple(tasks))
    done = []
    for task, slowdown in zip(tasks, slowdowns, strict=True):
        solo, beside = Truth(slowdown, rho=0.5, body=0.02).draw(rng, 1, 8, 600)
        done += [record(trial(b, task), beside[:, 0, b] / solo[:, 0, b].mean() * 0.01) for b in range(8)]
    solo = Truth(rho=0.5, body=0.02, drift=0.0).draw(rng, 1, 8, 600)[0]
    done += [record(trial(b), solo[:, 0, b]) for b in range(8)]
    found = advise(collect(done, spec), Limits(max_slowdown=1.1, percentile="p50")).rulings
    assert [each.verdict for each in found] == [Verdict.SAFE, Verdict.SAFE, Verdict.UNSAFE, Verdict.UNSAFE]


# ---- the recommendation


def placed(step: int, task: str, share: float | None, power_w: float | None, slowdown: float = 1.0) -> Evidence:
    of = dataclasses.replace(cell("alexnet", step, task), power_w=power_w)
    return dataclasses.replace(evidence(of, {P50: around(slowdown, 0.001)}), work_share=share)


def recommended(table: list[Evidence]) -> Choice:
    (found,) = advise(table, Limits(max_slowdown=1.1, percentile="p50")).recommended
    return found


def test_the_choice_with_the_most_work_per_joule_is_recommended_with_its_own_numbers() -> None:
    table = [
        placed(1, "none", None, 4.0), placed(1, "jpeg", 0.3, 5.0), placed(1, "bitcount", 0.4, 5.0, slowdown=1.02),
        placed(2, "none", None, 8.0), placed(2, "jpeg", 0.9, 20.0), placed(2, "bitcount", 0.9, 20.0),
    ]  # fmt: skip
    found = recommended(table)
    assert (found.cell.clocks.cpu_hz, found.cell.task) == (1, "bitcount")
    assert (found.work_share, found.cell.power_w) == (0.4, 5.0)
    assert found.slowdown == pytest.approx(1.02)
    assert found.work_share_per_j == pytest.approx(0.08)
    assert found.margins[P50] == pytest.approx(1 - 1.02 / 1.1, abs=0.02)


def test_a_task_that_is_not_safe_is_no_choice_and_changes_no_other() -> None:
    table = [placed(1, "none", None, 4.0), placed(1, "jpeg", 0.6, 6.0), placed(1, "bitcount", 0.9, 9.0, slowdown=1.5)]
    (found,) = advise(table, Limits(max_slowdown=1.1, percentile="p50")).choices
    assert (found.cell.task, found.work_share, found.cell.power_w) == ("jpeg", 0.6, 6.0)
    assert recommended(table[1:]) == found, "whatever is known of the network alone"


def test_each_containment_of_a_task_is_a_choice() -> None:
    free, idle = placed(1, "jpeg", 0.9, 5.0), placed(1, "jpeg", 0.4, 5.0)
    idle = dataclasses.replace(idle, cell=dataclasses.replace(idle.cell, containment=Containment(idle=True)))
    advice = advise([free, idle], Limits(max_slowdown=1.1, percentile="p50"))
    assert [choice.cell.containment for choice in advice.choices] == [None, Containment(idle=True)]
    assert [choice.recommended for choice in advice.choices] == [True, False]


@pytest.mark.parametrize(
    ("free", "idle", "taken"),
    [((0.90, 5.0), (0.92, 5.0), None), ((0.8, 5.0), (0.92, 5.0), "idle"), ((0.90, None), (0.91, None), None),
     ((None, 5.0), (None, 5.0), None), ((None, 5.0), (0.1, 5.0), "idle")],
)  # fmt: skip
def test_a_containment_that_gains_next_to_nothing_is_not_recommended(
    free: tuple[float | None, float | None], idle: tuple[float | None, float | None], taken: str | None
) -> None:
    """So the recommendation and the table of containments name the same one."""
    bound = None if taken is None else parse_containment(taken)
    contained = placed(1, "jpeg", *idle, slowdown=0.99)
    contained = dataclasses.replace(
        contained, cell=dataclasses.replace(contained.cell, containment=Containment(idle=True))
    )
    table = [contained, placed(1, "jpeg", *free)]
    advice = advise(table, Limits(max_slowdown=1.1, percentile="p50"))
    (found,), (own,) = advice.recommended, containments(advice)
    assert found.cell.containment == own.ruling.cell.containment == bound


@pytest.mark.parametrize(("isolated", "shared", "taken"), [(0.90, 0.92, "isolated"), (0.8, 0.92, "shared")])
def test_the_network_s_own_cpu_is_recommended_only_where_it_gains_a_task_something(
    isolated: float, shared: float, taken: str
) -> None:
    beside = placed(1, "jpeg", shared, 5.0, slowdown=0.99)
    beside = dataclasses.replace(beside, cell=dataclasses.replace(beside.cell, placement="shared"))
    assert recommended([beside, placed(1, "jpeg", isolated, 5.0)]).cell.placement == taken


def test_without_a_power_meter_the_most_work_counts_and_the_front_is_against_slowdown() -> None:
    table = [
        placed(1, "jpeg", 0.3, None, 1.01),
        placed(2, "jpeg", 0.9, None, 1.02),
        placed(3, "jpeg", 0.8, None, 1.05),
    ]
    advice = advise(table, Limits(max_slowdown=1.1, percentile="p50"))
    assert [choice.on_front for choice in advice.choices] == [True, True, False]
    assert [choice.recommended for choice in advice.choices] == [False, True, False]


def test_without_work_the_smallest_slowdown_is_recommended() -> None:
    table = [placed(1, "jpeg", None, 5.0, 1.04), placed(2, "jpeg", None, 5.0, 1.01)]
    found = recommended(table)
    assert found.cell.clocks.cpu_hz == 2 and found.work_share is None and not found.on_front


def test_a_choice_whose_work_is_not_known_is_not_ranked_among_others() -> None:
    table = [placed(1, "mine", None, 5.0), placed(1, "jpeg", 0.5, 6.0), placed(2, "jpeg", 0.4, 8.0)]
    advice = advise(table, Limits(max_slowdown=1.1, percentile="p50"))
    assert [choice.recommended for choice in advice.choices] == [False, True, False]
    assert [choice.on_front for choice in advice.choices] == [False, True, False]


def test_a_choice_that_is_idle_has_no_mark_and_changes_no_other() -> None:
    """It would win wherever power, or work, is not known to differ."""
    limits = Limits(max_slowdown=1.1, percentile="p50")
    useful = [placed(1, "jpeg", 0.5, 8.0), placed(2, "jpeg", 0.4, 5.0)]
    idle = [placed(3, "jpeg", 0.0, 4.0), placed(1, "bitcount", 0.009, None)]
    alone, together = (advise(table, limits).choices for table in (useful, [*idle, *useful]))
    assert [choice.idle for choice in together] == [True, True, False, False]
    marks = [(choice.on_front, choice.recommended, choice.best_of_task) for choice in (*together, *alone)]
    assert marks[:2] == [(False, False, False)] * 2 and marks[2:4] == marks[4:]
    assert advise(idle, limits).recommended == ()


def test_the_latency_of_a_choice_is_at_the_percentile_of_the_limits() -> None:
    table = [placed(1, "jpeg", 0.5, 8.0)]
    table = [dataclasses.replace(table[0], cell=dataclasses.replace(table[0].cell, p50_s=0.01))]
    means = {Quantity.LATENCY_MEAN: 0.02, Quantity.SLOWDOWN_MEAN: 1.0}
    more = {quantity: dict(enumerate(around(value))) for quantity, value in means.items()}
    table = [dataclasses.replace(table[0], values={**table[0].values, **more})]
    for percentile, latency_s in (("p50", 0.01), ("mean", 0.02)):
        (found,) = advise(table, Limits(max_slowdown=1.1, percentile=percentile)).choices
        assert found.latency_s == pytest.approx(latency_s, rel=1e-3)


def test_nothing_safe_recommends_nothing() -> None:
    advice = advise([placed(1, "jpeg", 0.5, 5.0, 1.5)], Limits(max_slowdown=1.1, percentile="p50"))
    assert (advice.choices, advice.recommended, advice.judged) == ((), (), 1)


@given(st.lists(st.tuples(st.floats(0.01, 1), st.floats(1, 30)), min_size=1, max_size=9))
def test_what_is_not_on_the_front_is_no_better_than_one_there_by_the_digits_of_the_table(
    points: list[tuple[float, float]],
) -> None:
    table = [placed(step, "jpeg", share, power_w) for step, (share, power_w) in enumerate(points, start=1)]
    advice: Advice = advise(table, Limits(max_slowdown=1.1, percentile="p50"))
    (best,) = advice.recommended
    assert best.work_share_per_j == max(choice.work_share_per_j or 0.0 for choice in advice.choices)
    shown = [
        (round(100 * (choice.work_share or 0)), -float(f"{choice.cell.power_w or 0:.3g}"))
        for choice in advice.choices
    ]
    front = [point for point, choice in zip(shown, advice.choices, strict=True) if choice.on_front]
    assert len(front) == len({*front})
    for work, power in shown:
        assert any(work_on >= work and power_on >= power for work_on, power_on in front)


def test_of_choices_that_a_table_cannot_tell_apart_the_best_of_its_task_is_on_the_front() -> None:
    heavy, light = placed(1, "jpeg", 0.5, 7.651), placed(1, "jpeg", 0.5001, 7.65)
    bound = dataclasses.replace(light.cell, containment=Containment(weight=10))
    advice = advise([dataclasses.replace(light, cell=bound), heavy], Limits(max_slowdown=1.1, percentile="p50"))
    assert [(choice.on_front, choice.best_of_task) for choice in advice.choices] == [(False, False), (True, True)]


def test_each_way_to_run_a_network_has_its_own_recommendation() -> None:
    half = dataclasses.replace(
        cell("alexnet", 1, "jpeg"), inference=Inference("alexnet", "synthetic", "fp16"), power_w=5.0
    )
    table = [placed(1, "jpeg", 0.5, 5.0), dataclasses.replace(placed(1, "jpeg", 0.5, 5.0), cell=half)]
    found = advise(table, Limits(max_slowdown=1.1, percentile="p50")).recommended
    assert [choice.cell.inference.precision for choice in found] == ["fp32", "fp16"]


def test_the_cell_of_a_ruling_is_the_cell_of_its_evidence() -> None:
    table = [evidence(of, {POWER: around(8.0)}) for of in COLOCATED[:5]]
    found: list[Cell] = [each.cell for each in advise(table, Limits(power_budget_w=10.0)).rulings]
    assert found == list(COLOCATED[:5])
