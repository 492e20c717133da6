"""What changed between two runs: matching, the interval, and how often a change is told and made up."""

from __future__ import annotations

import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from colocate.errors import SpecError
from colocate.model.cell import Interval
from colocate.model.limits import Quantity
from colocate.model.request import Inference
from colocate.study.comparison import COMPARED, compare
from tests.study.tables import CELLS, COLOCATED, SOLO, Noise, evidence, run

P50, POWER = Quantity.LATENCY_P50, Quantity.POWER
STEADY = Noise(spread=(0.01, 0.01), rhos=(0.0, 0.5))


def ends(interval: Interval) -> tuple[float, float]:
    assert interval.lo is not None and interval.hi is not None
    return interval.lo, interval.hi


def test_welchs_interval_against_scipy() -> None:
    rng = np.random.default_rng(0)
    a, b = np.exp(0.01 * rng.standard_normal(5)), 1.05 * np.exp(0.03 * rng.standard_normal(7))
    (change,) = compare([evidence(SOLO[0], {P50: a})], [evidence(SOLO[0], {P50: b})]).changes
    # One change, so nothing to moderate and nothing to correct for: both ends at 95 %, so 90 % between them.
    expected = ttest_ind(np.log(b), np.log(a), equal_var=False).confidence_interval(0.90)
    assert change.ratio.value == pytest.approx(math.exp(np.log(b).mean() - np.log(a).mean()))
    assert ends(change.ratio) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))


def test_cells_are_matched_by_what_was_asked_for() -> None:
    values = {P50: np.array([1.0, 1.1, 1.05])}
    a = [evidence(of, values) for of in (SOLO[0], COLOCATED[0], COLOCATED[1])]
    remeasured = dataclasses.replace(COLOCATED[1], n=600, p50_s=1.0, temperature_c=50.0)
    half = dataclasses.replace(SOLO[0], inference=Inference("alexnet", "synthetic", "fp16"))
    b = [evidence(of, values) for of in (remeasured, half, COLOCATED[0])]
    found = compare(a, b)
    assert [(change.before, change.after) for change in found.changes] == [
        (COLOCATED[0], COLOCATED[0]), (COLOCATED[1], remeasured)
    ]  # fmt: skip
    assert (found.only_before, found.only_after) == ((SOLO[0],), (half,))


def test_what_only_one_run_knows_is_not_compared() -> None:
    a = evidence(SOLO[0], {P50: np.array([1.0, 1.1]), POWER: np.array([8.0, 8.1])})
    b = evidence(SOLO[0], {P50: np.array([1.0, 1.1])})
    assert [change.quantity for change in compare([a], [b]).changes] == [P50]
    assert compare([], []).changes == ()


def test_one_block_gives_a_change_without_ends() -> None:
    one, two = (evidence(SOLO[0], {P50: np.full(n, 1.5)}) for n in (1, 2))
    (change,) = compare([one], [two]).changes
    assert change.ratio == Interval(1.0, None, None) and not change.regressed and not change.improved


def test_runs_without_any_noise_differ_by_what_they_differ() -> None:
    a, b = (evidence(SOLO[0], {P50: np.full(3, value)}) for value in (1.0, 1.03))
    (change,) = compare([a], [b], max_regression=0.02).changes
    assert change.regressed and ends(change.ratio) == pytest.approx((1.03, 1.03))
    assert not compare([a], [b], max_regression=0.04).regressions
    assert [change.improved for change in compare([b], [a]).changes] == [True]


def test_a_limit_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(SpecError, match=r"as in 0\.02"):
        compare([], [], max_regression=-0.1)
    with pytest.raises(SpecError, match="confidence"):
        compare([], [], confidence=1.0)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_swapping_the_runs_inverts_every_change(seed: int) -> None:
    rng, slowdown = np.random.default_rng(seed), np.ones(CELLS)
    a, b = (run(rng, 1, slowdown, STEADY, 3) for _ in range(2))
    there, back = compare(a, b), compare(random.Random(seed).sample(b, len(b)), a)
    inverse = {(change.before, change.quantity): change.ratio for change in back.changes}
    for change in there.changes:
        lo, hi = ends(inverse[change.before, change.quantity])
        assert ends(change.ratio) == pytest.approx((1 / hi, 1 / lo))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 0.1), st.floats(0, 0.1))
def test_allowing_more_never_finds_more(seed: int, x: float, y: float) -> None:
    rng = np.random.default_rng(seed)
    a, b = run(rng, 1, np.ones(CELLS), STEADY, 3), run(rng, 1, rng.uniform(1, 1.2, CELLS), STEADY, 3)
    less, more = (compare(a, b, allowed).regressions for allowed in (max(x, y), min(x, y)))
    assert set(less) <= set(more)


def test_a_planted_regression_is_found_and_none_is_made_up() -> None:
    """200 pairs of runs of five blocks that scatter by 1 %, each with and without a cell 5 % slower."""
    rng, found, made_up, elsewhere = np.random.default_rng(2017), 0, 0, 0
    for machine in range(200):
        slowdown, cell = rng.uniform(1, 1.3, CELLS), int(rng.integers(CELLS))
        before = run(rng, machine, slowdown, STEADY, 5)
        made_up += bool(compare(before, run(rng, machine, slowdown, STEADY, 5)).regressions)
        slowdown[cell] *= 1.05
        regressions = compare(before, run(rng, machine, slowdown, STEADY, 5)).regressions
        found += any(r.before == COLOCATED[cell] and r.quantity is P50 for r in regressions)
        elsewhere += any(r.before != COLOCATED[cell] for r in regressions)
    print(
        f"found {found / 2:.1f} %, made up in {made_up / 2:.1f} % of equal pairs and {elsewhere / 2:.1f} % of others"
    )
    assert found >= 180 and made_up <= 10 and elsewhere <= 10


def test_every_quantity_that_is_compared_is_the_worse_the_larger_and_a_plain_ratio() -> None:
    assert Quantity.WORK_LOSS not in COMPARED
