"""Looking again and again: when, at what price, and what is then open."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.study.advice import Verdict, advise
from colocate.study.evidence import Evidence
from colocate.study.sequential import FIRST_LOOK, GROWTH, Schedule, judge
from tests.study.tables import CELLS, COLOCATED, LIMITS, Noise, Outcome, draw, evidence, rates, until_decided

POWER = Quantity.POWER
BUDGET = Limits(power_budget_w=10.0)


@given(st.integers(2, 2000))
def test_looks_lie_ever_further_apart_and_the_last_is_after_the_last_repeat(max_repeats: int) -> None:
    schedule = Schedule(max_repeats)
    assert schedule.repeats[0] == min(FIRST_LOOK, max_repeats) and schedule.repeats[-1] == max_repeats
    # Half a repeat up, half a repeat down.
    assert all(a < b <= GROWTH * (a + 0.5) + 0.5 for a, b in itertools.pairwise(schedule.repeats))
    assert sum(look.share for look in schedule(10**6)) == pytest.approx(1.0)


@given(st.integers(2, 200), st.integers(0, 300))
def test_the_looks_taken_and_the_next_one_are_the_whole_schedule(max_repeats: int, repeats: int) -> None:
    schedule = Schedule(max_repeats)
    taken = [look.repeats for look in schedule(repeats)]
    assert taken == [each for each in schedule.repeats if each <= repeats]
    assert schedule.next_look(repeats) == (
        schedule.repeats[len(taken)] if len(taken) < len(schedule.repeats) else None
    )


def test_one_repeat_decides_nothing() -> None:
    with pytest.raises(SpecError, match="at least two"):
        Schedule(1)


def around(value: float, blocks: int, spread: float = 0.01) -> Evidence:
    z = np.random.default_rng(0).permutation(np.linspace(-1, 1, blocks))
    return evidence(COLOCATED[0], {POWER: value * np.exp(spread * z / z.std(ddof=1))})


def test_before_the_first_look_everything_is_open() -> None:
    progress = judge([around(1.0, 3)], BUDGET, Schedule(20))
    (found,) = progress.open
    assert (progress.settled, progress.given_up) == ((), ()) and found.checks[0].interval is not None
    assert (found.checks[0].interval.lo, found.checks[0].interval.hi) == (None, None)


def test_a_settled_cell_a_hopeful_one_and_a_hopeless_one() -> None:
    for value, where in ((8.0, "settled"), (12.0, "settled"), (9.9, "open"), (9.99, "given_up")):
        progress = judge([around(value, 4)], BUDGET, Schedule(20))
        (found,) = getattr(progress, where)
        assert len(progress.settled) + len(progress.open) + len(progress.given_up) == 1
        assert "repeats that are left" in found.reason or where != "given_up"
    assert judge([around(9.9, 4)], BUDGET, Schedule(20)).open_cells == (COLOCATED[0],)


def test_after_the_last_look_nothing_is_open() -> None:
    progress = judge([around(9.995, 20)], BUDGET, Schedule(20))
    assert (progress.open, progress.settled) == ((), ()) and len(progress.given_up) == 1


def test_blocks_beyond_the_last_look_do_not_count() -> None:
    values = np.concatenate([np.linspace(9.8, 10.2, 6), np.full(50, 8.0)])
    (found,) = advise([evidence(COLOCATED[0], {POWER: values})], BUDGET, Schedule(6)).rulings
    assert found.verdict is Verdict.UNDECIDED


def test_what_more_blocks_cannot_cure_is_given_up() -> None:
    unmetered = evidence(COLOCATED[0], {Quantity.SLOWDOWN_P50: np.ones(4)})
    throttled = dataclasses.replace(around(8.0, 4), withheld={POWER: (QualityFlag.THROTTLED,)})
    disturbed = dataclasses.replace(unmetered, left_out={POWER: (QualityFlag.SENSOR_FAILED,)})
    assert judge([unmetered], BUDGET, Schedule(20)).given_up[0].reason == "the power of the board was not metered"
    assert "throttled" in judge([throttled], BUDGET, Schedule(20)).given_up[0].reason
    assert judge([disturbed], BUDGET, Schedule(20)).open


@given(st.integers(0, 2**32 - 1))
def test_a_verdict_once_given_stays_whatever_comes_after(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.uniform(8, 12, (10, 1)) * np.exp(0.02 * rng.standard_normal((10, 20)))
    given_: dict[object, Verdict] = {}
    for repeats in range(1, 21):
        table = [evidence(of, {POWER: row[:repeats]}) for of, row in zip(COLOCATED, values, strict=False)]
        for ruling in judge(table, BUDGET, Schedule(20)).settled:
            assert given_.setdefault(ruling.cell, ruling.verdict) is ruling.verdict


def test_half_the_windows_of_the_fixed_design_and_its_error() -> None:
    """12 tables; tests/bench/test_verdicts.py has a thousand, and how the fixed design's 15 repeats were found."""
    rng, schedule = np.random.default_rng(2017), Schedule(30)
    outcomes, taken, fixed = [], 0, []
    for _ in range(12):
        table = draw(rng, 30, Noise(), at_limit=0.2)
        progress, windows = until_decided(table, schedule)
        outcomes.append(Outcome.of(progress.advice, table))
        fixed.append(Outcome.of(advise(table.evidence(15), LIMITS), table))
        taken += windows
    false_safe, false_unsafe, decided = rates(outcomes)
    ratio = taken / (12 * 15 * CELLS * 4 / 3)
    print(f"{decided:.1%} of cells decided with {ratio:.0%} of the windows that decide {rates(fixed)[2]:.1%}")
    assert decided >= rates(fixed)[2] and ratio <= 0.5
    assert max(false_safe, false_unsafe) * 12 <= 3
