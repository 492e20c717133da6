"""What the estimators promise for any data, and their closed forms where there are some."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from colocate.model.trial import FloatArray
from colocate.study.stats import (
    _FEW_LAGS,
    _autocovariances,
    _first_autocovariances,
    _worth,
    effective_samples,
    geometric_mean,
    integrate,
    known_quantile,
    known_quantiles,
    median,
    medians,
    paired_ratio,
    quantile_known,
    sample_quantile,
    sample_quantiles,
    samples_needed,
)
from tests.study.truth import series

latency = st.floats(1e-4, 10.0)
pairs = st.lists(st.tuples(latency, latency), min_size=2, max_size=12).map(np.array)


def windows(max_size: int = 300) -> st.SearchStrategy[FloatArray]:
    return arrays(np.float64, st.integers(0, max_size), elements=latency)


# ---- paired_ratio


def ends(solo: FloatArray, colocated: FloatArray, confidence: float = 0.95) -> FloatArray:
    """Lower end, value and upper end."""
    interval = paired_ratio(solo, colocated, confidence)
    assert interval.lo is not None and interval.hi is not None
    return np.array([interval.lo, interval.value, interval.hi])


def test_ratio_against_a_hand_calculation() -> None:
    # Log ratios 0.1, 0.2, 0.3: mean 0.2, sd 0.1, and t(2, 0.975) = 4.302653 by its closed form.
    interval = paired_ratio(np.ones(3), np.exp([0.1, 0.2, 0.3]))
    half = 4.302652729911275 * 0.1 / math.sqrt(3)
    assert interval.value == pytest.approx(math.exp(0.2))
    assert interval.lo == pytest.approx(math.exp(0.2 - half))
    assert interval.hi == pytest.approx(math.exp(0.2 + half))


@given(pairs, st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_ratio_follows_a_change_of_scale(pair: FloatArray, solo_scale: float, colocated_scale: float) -> None:
    before = ends(pair[:, 0], pair[:, 1])
    after = ends(solo_scale * pair[:, 0], colocated_scale * pair[:, 1])
    assert after == pytest.approx(colocated_scale / solo_scale * before, rel=1e-6)


@given(pairs)
def test_swapping_solo_and_colocated_inverts_the_interval(pair: FloatArray) -> None:
    assert ends(pair[:, 1], pair[:, 0]) == pytest.approx(1 / ends(pair[:, 0], pair[:, 1])[::-1], rel=1e-6)


@given(pairs, st.integers(0, 2**32 - 1))
def test_order_of_blocks_does_not_matter(pair: FloatArray, seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(pair)
    assert ends(shuffled[:, 0], shuffled[:, 1]) == pytest.approx(ends(pair[:, 0], pair[:, 1]), rel=1e-6)


@given(pairs, st.floats(0.5, 0.98))
def test_interval_encloses_its_value_and_widens_with_confidence(pair: FloatArray, confidence: float) -> None:
    narrow = ends(pair[:, 0], pair[:, 1], confidence)
    wide = ends(pair[:, 0], pair[:, 1], confidence + 0.01)
    assert wide[0] <= narrow[0] <= narrow[1] <= narrow[2] <= wide[2]


def test_one_block_gives_a_value_without_ends() -> None:
    interval = paired_ratio(np.array([2.0]), np.array([3.0]))
    assert interval.value == pytest.approx(1.5)
    assert (interval.lo, interval.hi) == (None, None)


def test_equal_ratios_give_an_interval_of_no_width() -> None:
    interval = paired_ratio(np.array([1.0, 2.0, 4.0]), np.array([1.5, 3.0, 6.0]))
    assert (interval.lo, interval.hi) == pytest.approx((1.5, 1.5))


@pytest.mark.parametrize(
    ("solo", "colocated"),
    [
        ([], []),
        ([1.0], [1.0, 2.0]),
        ([0.0, 1.0], [1.0, 1.0]),
        ([1.0], [math.nan]),
        ([1.0], [math.inf]),
        ([-1.0], [1.0]),
    ],
)
def test_ratio_refuses_what_has_none(solo: list[float], colocated: list[float]) -> None:
    with pytest.raises(ValueError, match=r"ratio|pair"):
        paired_ratio(np.array(solo), np.array(colocated))


@given(pairs)
def test_geometric_means_multiply_and_invert(pair: FloatArray) -> None:
    a, b, product, inverse = (
        geometric_mean(values) for values in (pair[:, 0], pair[:, 1], pair[:, 0] * pair[:, 1], 1 / pair[:, 0])
    )
    assert product.value == pytest.approx(a.value * b.value)
    assert inverse.lo is not None and a.hi is not None
    assert inverse.lo * a.hi == pytest.approx(1, rel=1e-6)


# ---- samples_needed, effective_samples, quantile_known


@pytest.mark.parametrize(("quantile", "n"), [(0.50, 6), (0.95, 72), (0.99, 368)])
def test_samples_needed_at_95_percent(quantile: float, n: int) -> None:
    assert samples_needed(quantile) == n


@given(st.floats(0.01, 0.999), st.floats(0.5, 0.999))
def test_samples_needed_is_the_smallest_that_will_do(quantile: float, confidence: float) -> None:
    n, side, half = samples_needed(quantile, confidence), max(quantile, 1 - quantile), (1 - confidence) / 2
    assert side**n <= half * (1 + 1e-9)
    assert side ** (n - 1) > half * (1 - 1e-9)


@given(windows(), st.sampled_from([0.5, 0.95, 0.99]))
def test_effective_samples_lie_between_nothing_and_all(latencies: FloatArray, quantile: float) -> None:
    assert 0 <= effective_samples(latencies, quantile) <= len(latencies)


@given(windows(), st.sampled_from([0.5, 0.95, 0.99]))
def test_nothing_is_known_from_fewer_samples_than_needed(latencies: FloatArray, quantile: float) -> None:
    assert not quantile_known(latencies[: samples_needed(quantile) - 1], quantile)


@given(windows(), st.floats(1e-3, 1e3), st.sampled_from([0.5, 0.95]))
def test_effective_samples_have_no_unit(latencies: FloatArray, scale: float, quantile: float) -> None:
    # Powers of two scale without rounding, so no tie is made or broken.
    exact = 2.0 ** round(math.log2(scale))
    assert effective_samples(exact * latencies, quantile) == effective_samples(latencies, quantile)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_effective_samples_of_an_autoregressive_series(rho: float) -> None:
    # Above-the-median indicators of two normals correlated r are correlated 2/pi * asin(r) (Sheppard 1899).
    lags = np.arange(1, 400)
    tau = 1 + 2 * float((2 / np.pi * np.arcsin(rho**lags)).sum())
    rng = np.random.default_rng(1)
    estimates = [effective_samples(series(rng, rho, 20_000), 0.5) for _ in range(10)]
    assert np.median(estimates) == pytest.approx(20_000 / tau, rel=0.1)


def test_a_single_burst_is_not_many_samples_of_the_tail() -> None:
    latencies = np.full(1000, 1.0)
    latencies[500:520] = np.linspace(2.0, 3.0, 20)
    assert not quantile_known(latencies, 0.99)
    scattered = np.random.default_rng(0).permutation(latencies)
    assert quantile_known(scattered, 0.99)


def test_a_constant_series_is_known() -> None:
    assert effective_samples(np.full(400, 0.01), 0.99) == 400
    assert quantile_known(np.full(400, 0.01), 0.99)


def test_sample_quantile_is_median_unbiased() -> None:
    # Against the definition: of n uniforms the p-quantile's median rank is p * (n + 1/3) + 1/3.
    ranks = np.arange(1.0, 101.0)
    assert sample_quantile(ranks, 0.95) == pytest.approx(0.95 * (100 + 1 / 3) + 1 / 3)


@given(windows(), st.floats(0, 1))
def test_a_quantile_is_numpys_to_the_last_digit(latencies: FloatArray, quantile: float) -> None:
    asked = (quantile, 0.0, 0.5, 0.95, 0.99, 1.0) if len(latencies) else ()
    for q in asked:
        assert sample_quantile(latencies, q) == float(np.quantile(latencies, q, method="median_unbiased"))
    if asked:
        assert sample_quantiles(latencies, asked) == [sample_quantile(latencies, q) for q in asked]


@given(st.lists(windows(12).filter(len), min_size=1, max_size=5))
def test_medians_of_groups_are_the_median_of_each(groups: list[FloatArray]) -> None:
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    assert medians(np.concatenate(groups), numbers).tolist() == [median(group) for group in groups]


@given(windows())
def test_a_median_is_numpys_to_the_last_digit(latencies: FloatArray) -> None:
    for values in (latencies, latencies[:1], latencies[1:]):
        assert not len(values) or median(values) == float(np.median(values))


@pytest.mark.parametrize("rho", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("n", [5, 16, 17, 400, 2001])
def test_counting_and_transforming_give_the_same(rho: float, n: int) -> None:
    above = series(np.random.default_rng(n), rho, n) > 1.0
    transformed, lags = _autocovariances(above), min(n + n % 2, _FEW_LAGS)
    assert _first_autocovariances(above, lags) == pytest.approx(transformed[:lags], abs=1e-9 * n)
    pairs = transformed.reshape(-1, 2).sum(axis=1)
    tau = 2 * pairs[np.logical_and.accumulate(pairs > 1e-9)].sum() / max(transformed[0], 1e-9) - 1
    assert _worth(above) == pytest.approx(n / max(1.0, tau))


@given(windows(), st.sampled_from([0.5, 0.95, 0.99]))
def test_a_quantile_is_told_where_it_is_known(latencies: FloatArray, quantile: float) -> None:
    known = quantile_known(latencies, quantile)
    assert known_quantile(latencies, quantile) == (sample_quantile(latencies, quantile) if known else None)
    levels = (0.99, quantile, 0.5)
    assert known_quantiles(latencies, levels) == [known_quantile(latencies, level) for level in levels]


# ---- integrate

times = st.lists(st.floats(0.0, 2.0), min_size=1, max_size=30, unique=True).map(lambda t: np.array(sorted(t)))


@given(times, st.floats(0.1, 50.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_energy_of_constant_power(t_s: FloatArray, power_w: float, begin_s: float, length_s: float) -> None:
    energy_j = integrate(t_s, np.full(len(t_s), power_w), begin_s, begin_s + length_s)
    assert float(energy_j) == pytest.approx(power_w * length_s, abs=1e-9)


def test_energy_of_a_ramp_is_exact_between_samples() -> None:
    # The integral of 3 t from 0.25 to 0.85, with no sample at either end.
    t_s = np.array([0.0, 0.4, 0.5, 1.0])
    assert float(integrate(t_s, 3 * t_s, 0.25, 0.85)) == pytest.approx(1.5 * (0.85**2 - 0.25**2))


# By so little two samples lie apart that no float holds the slope between them.
ALMOST_TOGETHER = np.array([0.0, 1e-308])


@settings(max_examples=50)
@given(times, st.integers(0, 2**32 - 1), st.floats(0.0, 2.0))
@example(ALMOST_TOGETHER, 0, 1.0)
@example(ALMOST_TOGETHER, 0, 5e-309)
@example(np.array([0.0, 5e-324, 1e-308, 1.0]), 1, 1e-308)
def test_energy_adds_up_over_windows_and_rails(t_s: FloatArray, seed: int, cut_s: float) -> None:
    power_w = np.random.default_rng(seed).uniform(1, 10, (len(t_s), 2))
    whole = integrate(t_s, power_w, 0.0, 2.0)
    assert np.isfinite(whole).all()
    parts = integrate(t_s, power_w, 0.0, cut_s) + integrate(t_s, power_w, cut_s, 2.0)
    assert whole == pytest.approx(parts)
    assert float(whole[1]) == pytest.approx(float(integrate(t_s, power_w[:, 1], 0.0, 2.0)))


@given(times, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
@example(ALMOST_TOGETHER, 0.0, 2.0)
@example(np.array([0.0]), 2.0, 1e-300)
@example(np.array([0.0]), 2.0, 3e-16)
def test_energy_lies_between_that_of_the_least_and_of_the_greatest_power(
    t_s: FloatArray, begin_s: float, length_s: float
) -> None:
    # The greatest that floats hold: not even their sum may overflow.
    power_w = np.where(np.arange(len(t_s)) % 2, 1.0, 1e308) / max(1.0, length_s)
    end_s = begin_s + length_s
    energy_j = float(integrate(t_s, power_w, begin_s, end_s))
    # Of a short window, what rounding its end has left.
    length_s = end_s - begin_s
    assert power_w.min() * length_s <= energy_j * (1 + 1e-9) + 1e-9
    assert energy_j <= power_w.max() * length_s * (1 + 1e-9)


def test_nearest_sample_holds_outside_the_trace() -> None:
    assert float(integrate(np.array([1.0, 2.0]), np.array([4.0, 6.0]), 0.0, 4.0)) == pytest.approx(4 + 5 + 12)


def test_energy_needs_a_sample() -> None:
    with pytest.raises(ValueError, match="at least one sample"):
        integrate(np.array([]), np.empty((0, 3)), 0.0, 1.0)
