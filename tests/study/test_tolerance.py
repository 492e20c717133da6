"""Bounds over boards, variances and odd boards: known values, properties, and coverage in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri
from scipy.stats import nct

from colocate.model.trial import FloatArray
from colocate.study.tolerance import (
    ODD_MIN_BOARDS,
    odd_limit,
    odd_scores,
    quantile_over_boards,
    scatter,
)

BOARDS = (5, 10, 30)
SIMULATED = 4000
LEVELS = st.lists(st.floats(-5, 5), min_size=2, max_size=12)


def steps(boards: int) -> FloatArray:
    return np.arange(boards, dtype=np.float64)


@pytest.mark.parametrize(("boards", "factor"), [(5, 4.203), (10, 2.911), (30, 2.220)])
def test_the_bound_of_95_in_95_is_that_of_the_tables(boards: int, factor: float) -> None:
    # One-sided normal tolerance factors as they are tabulated, for instance in ISO 16269-6.
    levels = steps(boards)
    found = quantile_over_boards(levels, 0.05)
    assert found.hi is not None and (found.hi - levels.mean()) / levels.std(ddof=1) == pytest.approx(factor, abs=6e-4)


@pytest.mark.parametrize("tail", [0.05, 0.05 / 81, 0.05 / 400])
@pytest.mark.parametrize("boards", [2, 5, 30, 1000])
def test_both_ends_are_quantiles_of_the_noncentral_t(boards: int, tail: float) -> None:
    found = quantile_over_boards(steps(boards), tail)
    spread, score = np.arange(boards).std(ddof=1), float(ndtri(0.95)) * math.sqrt(boards)
    for end, p in ((found.lo, tail), (found.hi, 1 - tail)):
        want = (boards - 1) / 2 + spread * nct.ppf(p, boards - 1, score) / math.sqrt(boards)
        assert end == pytest.approx(want, rel=1e-6)


def test_one_board_has_no_bounds() -> None:
    found = quantile_over_boards(np.array([0.5]), 0.05)
    assert (found.value, found.lo, found.hi) == (0.5, None, None)


@given(LEVELS, st.floats(-3, 3), st.floats(0.1, 10))
def test_a_bound_moves_and_stretches_with_its_boards(levels: list[float], shift: float, scale: float) -> None:
    once = quantile_over_boards(np.array(levels), 0.05)
    again = quantile_over_boards(shift + scale * np.array(levels), 0.05)
    for before, after in ((once.lo, again.lo), (once.value, again.value), (once.hi, again.hi)):
        assert before is not None and after == pytest.approx(shift + scale * before, abs=1e-6)


@given(LEVELS)
def test_a_smaller_error_gives_wider_bounds(levels: list[float]) -> None:
    wide, narrow = (quantile_over_boards(np.array(levels), tail) for tail in (0.001, 0.05))
    assert wide.lo is not None and narrow.lo is not None and wide.hi is not None and narrow.hi is not None
    assert wide.lo <= narrow.lo + 1e-9 and narrow.hi <= wide.hi + 1e-9


@pytest.mark.parametrize("boards", BOARDS)
@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_95_of_100_bounds_hold_for_95_of_100_boards(boards: int, noise: float) -> None:
    """Boards are normal, and each is known from 5 blocks with `noise` (in standard deviations between boards)."""
    rng = np.random.default_rng(1908)
    own = rng.standard_normal((SIMULATED, boards)) + noise * rng.standard_normal((SIMULATED, boards, 5)).mean(axis=2)
    truth = float(ndtri(0.95)) * math.sqrt(1 + noise**2 / 5)
    found = [quantile_over_boards(levels, 0.05) for levels in own]
    above = np.mean([each.hi is not None and each.hi >= truth for each in found])
    below = np.mean([each.lo is not None and each.lo <= truth for each in found])
    print(f"{boards} boards, {noise=}: the upper bound holds in {above:.1%}, the lower in {below:.1%}")
    assert 0.93 <= above <= 0.97 and 0.93 <= below <= 0.97
    # Of the boards' own levels, without the noise of their blocks, it promises no more than that.
    assert np.mean([each.hi is not None and each.hi >= float(ndtri(0.95)) for each in found]) >= 0.93


# ---- variances


def test_variances_of_equal_groups_are_those_of_the_textbook() -> None:
    found = scatter([np.array([1.0, 3.0]), np.array([5.0, 7.0]), np.array([3.0, 5.0])])
    # Mean squares: inside 6 / 3, between 2 * 8 / 2; (8 - 2) / 2.
    assert found.inside == pytest.approx(2.0) and found.between == pytest.approx(3.0)
    assert found.between_share == pytest.approx(0.6) and (found.boards, found.blocks) == (3, 6)


def test_unequal_boards_are_weighed_by_their_blocks() -> None:
    rng = np.random.default_rng(7)
    between, inside = [], []
    for _ in range(2000):
        levels = [rng.normal(0.0, 2.0) + rng.standard_normal(n) for n in (2, 3, 5, 8, 1)]
        found = scatter(levels)
        assert found.between is not None and found.inside is not None
        between.append(found.between)
        inside.append(found.inside)
    assert np.mean(inside) == pytest.approx(1.0, rel=0.03)
    assert np.mean(between) == pytest.approx(4.0, rel=0.08)


def test_what_is_not_known_is_none() -> None:
    assert scatter([np.array([1.0]), np.array([2.0])]).inside is None
    one = scatter([np.array([1.0, 2.0])])
    assert one.between is None and one.inside == pytest.approx(0.5) and one.between_share is None
    with pytest.raises(ValueError, match="block"):
        scatter([np.array([1.0]), np.array([])])


@given(st.lists(st.lists(st.floats(-5, 5), min_size=1, max_size=4), min_size=2, max_size=6))
def test_variances_are_never_below_0(levels: list[list[float]]) -> None:
    found = scatter([np.array(own) for own in levels])
    assert found.between is not None and found.between >= 0 and (found.inside or 0) >= 0
    assert found.between_share is None or 0 <= found.between_share <= 1


# ---- odd boards


def test_a_board_that_lies_apart_is_found_and_hides_no_other() -> None:
    levels = np.array([0.0, 0.01, -0.01, 0.005, 0.5, -0.005, 0.52])
    scores = odd_scores(levels, np.full(7, 0.001))
    assert {*np.flatnonzero(np.abs(scores) > odd_limit(7))} == {4, 6}


def test_alike_boards_differ_by_no_more_than_their_error() -> None:
    levels = np.array([0.0, 1e-6, 0.0, 0.0, 0.0, 0.0])
    assert np.all(np.abs(odd_scores(levels, np.full(6, 0.01))) < 1)
    assert not odd_scores(np.zeros(6), np.zeros(6)).any()


def test_few_boards_have_no_score() -> None:
    assert np.isnan(odd_scores(np.array([0.0] * (ODD_MIN_BOARDS - 2) + [9.0]), np.zeros(ODD_MIN_BOARDS - 1))).all()


@pytest.mark.parametrize("boards", [5, 8, 12, 30])
def test_alike_boards_are_seldom_called_odd(boards: int) -> None:
    rng = np.random.default_rng(3)
    fleets = rng.standard_normal((600, boards))
    odd = np.mean([np.any(np.abs(odd_scores(levels, np.zeros(boards))) > odd_limit(boards)) for levels in fleets])
    print(f"{boards} boards: one is called odd in {odd:.1%} of fleets of alike ones")
    assert odd <= 0.08
