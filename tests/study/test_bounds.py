"""Simultaneous bounds: their closed form, what moderation may and may not do, and whether a table's error is held."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtri, stdtrit

from colocate.model.limits import Quantity
from colocate.model.quality import QualityFlag
from colocate.model.trial import FloatArray
from colocate.study.bounds import PROBABLE, Look, Tails, bounds, mean_bounds, means, once
from colocate.study.stats import POOL_MIN_CELLS, moderated_variance
from tests.study.tables import COLOCATED, SOLO, evidence

P50, POWER = Quantity.SLOWDOWN_P50, Quantity.POWER


def noisy(cells: int, blocks: int, seed: int = 0, spread: FloatArray | float = 0.01) -> FloatArray:
    return np.asarray(spread * np.random.default_rng(seed).standard_normal((blocks, cells))).T


# ---- moderated variance


def test_few_variances_are_left_as_they_are() -> None:
    few = np.linspace(1, 2, POOL_MIN_CELLS - 1)
    moderated, prior_df = moderated_variance(few, np.full(len(few), 4.0))
    assert moderated.tolist() == few.tolist() and not prior_df.any()


@given(st.integers(0, 2**32 - 1), st.integers(POOL_MIN_CELLS, 60), st.floats(0.0, 2.0))
def test_a_variance_is_never_lowered_and_at_most_doubles_its_degrees_of_freedom(
    seed: int, cells: int, scatter: float
) -> None:
    rng = np.random.default_rng(seed)
    df = rng.integers(0, 9, cells).astype(float)
    variance = np.exp(scatter * rng.standard_normal(cells)) * rng.chisquare(np.maximum(df, 1)) / np.maximum(df, 1)
    variance[rng.random(cells) < 0.1] = 0.0
    moderated, prior_df = moderated_variance(variance, df)
    assert (moderated >= variance).all() and np.isfinite(moderated).all()
    assert (prior_df >= 0).all() and (prior_df <= df).all()
    # In any unit the same.
    scaled, scaled_df = moderated_variance(4.0 * variance, df)
    assert scaled == pytest.approx(4.0 * moderated) and scaled_df == pytest.approx(prior_df)


def test_equal_cells_gain_most_and_unequal_ones_little() -> None:
    def gained(spread: FloatArray | float) -> float:
        return float(means(noisy(81, 5, spread=spread)).prior_df.max())

    assert gained(0.01) == 4.0
    assert gained(np.where(np.arange(81) % 2, 0.1, 0.005)) < 1.0


def test_a_fixed_design_is_planned_with_a_probable_verdict() -> None:
    values = np.exp(0.05 * np.array([-1.0, 0.0, 1.0, -0.5, 0.5]))
    (of,) = bounds([evidence(SOLO[0], {P50: values}), evidence(COLOCATED[0], {P50: values})])
    estimate, limit = of.estimates[P50], 1.04
    assert estimate.spread_log is not None
    blocks = np.arange(2, 100)
    widths = (stdtrit(blocks - 1, 1 - of.tails.upper) + ndtri(PROBABLE)) * estimate.spread_log / np.sqrt(blocks)
    assert of.needed_blocks(P50, limit) == blocks[(widths <= math.log(limit) - estimate.mean_log).argmax()]


# ---- bounds of the mean


def test_a_small_table_has_students_bounds_at_its_share_of_the_error() -> None:
    values = np.array([[0.1, 0.2, 0.3], [1.0, np.nan, 3.0]])
    lo, hi = mean_bounds(values, Tails(upper=0.025, lower=0.01), once(3))
    for row, (mean, sd, n) in enumerate(((0.2, 0.1, 3), (2.0, math.sqrt(2), 2))):
        assert hi[row] == pytest.approx(mean + stdtrit(n - 1, 0.975) * sd / math.sqrt(n))
        assert lo[row] == pytest.approx(mean - stdtrit(n - 1, 0.99) * sd / math.sqrt(n))


def test_one_block_and_none_have_no_bounds() -> None:
    lo, hi = mean_bounds(np.array([[1.0, np.nan], [np.nan, np.nan]]), Tails(0.05, 0.05), once(2))
    assert np.isnan(lo).all() and np.isnan(hi).all()


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_what_a_look_has_shown_stays_shown(seed: int, cells: int) -> None:
    values, looks = noisy(cells, 8, seed), [Look(3, 0.4), Look(5, 0.3), Look(8, 0.3)]
    ends = [mean_bounds(values, Tails(0.01, 0.01), looks[:n]) for n in (1, 2, 3)]
    for (lo, hi), (later_lo, later_hi) in itertools.pairwise(ends):
        assert (later_lo >= lo).all() and (later_hi <= hi).all()


@pytest.mark.parametrize("blocks", [4, 5, 10])
def test_the_error_of_a_table_is_held_though_cells_scatter_unequally(blocks: int) -> None:
    """Every cell right at its limit. 400 tables a side: 5 % +- 1.1 is what an exact method may show."""
    rng = np.random.default_rng(2017)
    for name, spread in (
        ("log-uniform", np.exp(rng.uniform(np.log(0.005), np.log(0.03), 81))),
        ("half and half", np.where(np.arange(81) % 2, 0.03, 0.005)),
        ("one in ten", np.where(np.arange(81) % 10, 0.005, 0.03)),
    ):
        wrong = [0, 0]
        for seed in range(400):
            lo, hi = mean_bounds(noisy(81, blocks, seed, spread), Tails(0.05 / 81, 0.05 / 81), once(blocks))
            wrong = [wrong[0] + bool((hi < 0).any()), wrong[1] + bool((lo > 0).any())]
        print(f"{blocks} blocks, {name}: {wrong} of 400 tables have a wrong upper, and a wrong lower bound")
        assert max(wrong) <= 0.05 * 400 + 3 * math.sqrt(400 * 0.05 * 0.95)


# ---- bounds of evidence


def test_the_family_is_the_judged_table_and_unsafe_is_corrected_for_the_kinds() -> None:
    values = {P50: np.array([1.1, 1.2, 1.3]), POWER: np.array([8.0, 8.1, 8.2])}
    table = [evidence(of, values) for of in (*SOLO[:4], *COLOCATED[:5])]
    found = bounds(table)
    assert [each.evidence.cell for each in found] == list(COLOCATED[:5])
    assert list(found[0].tails) == pytest.approx([0.05 / 5, 0.05 / 10])
    latency = {Quantity.LATENCY_P50: values[P50], Quantity.LATENCY_P95: values[P50]}
    assert list(bounds([evidence(COLOCATED[0], latency)])[0].tails) == pytest.approx([0.05, 0.05])


def test_a_work_loss_is_averaged_over_what_is_kept() -> None:
    (found,) = bounds([evidence(COLOCATED[0], {Quantity.WORK_LOSS: np.array([0.5, -1.0])})])
    interval = found.estimates[Quantity.WORK_LOSS].interval
    assert interval.value == pytest.approx(0.0)
    assert interval.lo is not None and interval.hi is not None and interval.lo < 0 < interval.hi < 1


def test_a_withheld_quantity_has_no_upper_bound() -> None:
    of = evidence(COLOCATED[0], {P50: np.array([1.1, 1.2, 1.3])})
    flagged = type(of)(of.cell, of.values, {}, {P50: (QualityFlag.THROTTLED,)})
    plain, withheld = (bounds([each])[0].estimates[P50].interval for each in (of, flagged))
    assert (withheld.value, withheld.lo, withheld.hi) == (plain.value, plain.lo, None) and plain.hi is not None


def test_an_empty_table_has_no_bounds() -> None:
    assert bounds([]) == () and bounds([evidence(SOLO[0], {P50: np.ones(3)})]) == ()
    (nothing,) = bounds([evidence(COLOCATED[0], {})])
    assert not nothing.estimates
