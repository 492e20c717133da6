"""Quantiles, ratios and integrals of measured series, with intervals that allow for correlated samples.

Successive latencies of a window are correlated, and windows differ by more than their samples do. So windows are the
independent observations of every interval. Inside a window, samples count by their effective number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from colocate.model.cell import Interval
from colocate.model.trial import FloatArray

_THIRD, _HALF = 1 / 3, 0.5
# Most windows have no autocorrelation beyond so many lags. Counting at these lags then replaces a Fourier transform.
_FEW_LAGS = 16
# The relative precision of the degrees of freedom that moderation adds.
_PRECISION = 1e-9


def sample_quantiles(latencies: FloatArray, quantiles: Iterable[float]) -> list[float]:
    """Return the `quantiles` (0 to 1) of one or more `latencies` (n,), in their unit.

    The definition is the median-unbiased one, type 8 of Hyndman and Fan 1996, The American Statistician 50(4). The
    common type 7 lies half a rank lower near the top, so it would understate a heavy tail. The result equals numpy's
    `median_unbiased` to the last digit, in a quarter of its time for a few hundred latencies.
    """
    ranked = np.sort(latencies)
    return [_ranked_quantile(ranked, quantile) for quantile in quantiles]


def _ranked_quantile(ranked: FloatArray, quantile: float) -> float:
    last = len(ranked) - 1
    rank = min(max(len(ranked) * quantile + (_THIRD + quantile * (1 - _THIRD - _THIRD)) - 1, 0.0), float(last))
    below = int(rank)
    low, high = float(ranked[below]), float(ranked[min(below + 1, last)])
    share = rank - below
    return low + (high - low) * share if share < _HALF else high - (high - low) * (1 - share)


def sample_quantile(latencies: FloatArray, quantile: float) -> float:
    """Return one quantile as `sample_quantiles` does."""
    return sample_quantiles(latencies, (quantile,))[0]


def median(values: FloatArray) -> float:
    """Return the median of one or more finite `values` (n,). For few values it takes a fifth of numpy's time."""
    half = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, half)[half])
    low, high = np.partition(values, (half - 1, half))[half - 1 : half + 1].tolist()
    return float((low + high) / 2)


def medians(values: FloatArray, groups: npt.NDArray[np.int_]) -> FloatArray:
    """Return the `median` (groups,) of the finite `values` (n,) in each group. `groups` (n,) number them from 0,
    ascending.
    """
    sizes = np.bincount(groups)
    ends = np.cumsum(sizes)
    begins = ends - sizes
    ranked = values.copy()
    # Sorted group by group: sorting all by group and value takes three times as long for a window, or more.
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        ranked[begin:end].sort()
    middle: FloatArray = (ranked[begins + (sizes - 1) // 2] + ranked[begins + sizes // 2]) / 2
    return middle


def paired_ratio(solo: FloatArray, colocated: FloatArray, confidence: float = 0.95) -> Interval:
    """Return the geometric mean over blocks of `colocated` / `solo`, both (b,) and positive, with its interval.

    It is Student's t interval of the mean of the log ratios d, transformed back by exp:

        exp(mean(d) -+ t(b - 1, (1 + confidence) / 2) * sd(d) / sqrt(b))

    The log turns a ratio into a difference, so swapping the arguments inverts the value and both ends. A drift that
    both windows of a block share cancels. A percentile bootstrap over so few blocks would be much too narrow: it
    knows nothing beyond the values seen (Hesterberg 2015, The American Statistician 69(4)).

    One block gives the value without ends; equal ratios give an interval of no width. Raises ValueError for no block,
    for unequal lengths, and for a value that is not positive and finite.
    """
    # Imported late: a board takes seconds to load scipy, which a sweep needs only at its end, but medians before.
    from scipy.special import stdtrit

    if len(solo) != len(colocated) or not len(solo):
        raise ValueError(f"blocks must pair: got {len(solo)} solo and {len(colocated)} co-located values")
    both = np.concatenate([solo, colocated])
    if not np.all(np.isfinite(both) & (both > 0)):
        raise ValueError("a ratio needs positive, finite values")
    log_ratio = np.log(colocated) - np.log(solo)
    blocks, mean = len(log_ratio), float(log_ratio.mean())
    if blocks == 1:
        return Interval(math.exp(mean), None, None)
    half = float(stdtrit(blocks - 1, (1 + confidence) / 2) * log_ratio.std(ddof=1)) / math.sqrt(blocks)
    return Interval(math.exp(mean), math.exp(mean - half), math.exp(mean + half))


# With fewer variances, it is too uncertain how much they differ; see `moderated_variance`.
POOL_MIN_CELLS = 8
_UNFAVOURABLE = 0.95


def moderated_variance(variance: FloatArray, df: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the variances (m,) of m cells, each moderated by all others, and the degrees of freedom (m,) that this
    adds.

    `variance` are sample variances with `df` degrees of freedom each; 0 marks a cell without one. With four degrees
    of freedom a variance is so uncertain that Student's t is very wide at the small tails of a large table. The model
    takes the true variances as draws from a scaled inverse chi-square distribution of d0 degrees of freedom around
    s0^2, fitted to the table. The posterior is then

        (d0 s0^2 + df variance) / (d0 + df)    with d0 + df degrees of freedom

    (Smyth 2004, Statistical Applications in Genetics and Molecular Biology 3(1), sections 3 and 6). As the true
    variances need not follow that distribution, four precautions keep the error rate right:

    - The scatter of the log variances, hence 1 / d0, and their level s0^2 are taken at the 95 % end of their
      uncertainty.
    - d0 is at most `df`.
    - A variance is only ever raised.
    - A table of fewer than `POOL_MIN_CELLS` variances is left unchanged.

    In tests/bench/test_verdicts.py an error of 5 % stays 5 % if standard deviations differ 6-fold, and from four
    blocks on if they differ 20-fold. With three blocks, and half of the cells 20-fold apart, it becomes 8 %.
    """
    from scipy.special import chdtri, digamma, ndtri, polygamma

    known = (df > 0) & (variance > 0)
    prior_df = np.zeros_like(variance)
    if (m := int(known.sum())) < POOL_MIN_CELLS:
        return variance, prior_df
    d = df[known]
    log_variance = np.log(variance[known]) - digamma(d / 2) + np.log(d / 2)
    scatter = float(log_variance.var(ddof=1))
    own = float(polygamma(1, d / 2).mean())
    d0 = 2 * _inverse_trigamma(scatter * (m - 1) / chdtri(m - 1, _UNFAVOURABLE) - own, float(d.max()) / 2)
    level = log_variance.mean() + ndtri(_UNFAVOURABLE) * math.sqrt(scatter / m)
    spread = df > 0
    d = df[spread]
    prior_df[spread] = added = np.minimum(d0, d)
    prior = np.exp(level + digamma(added / 2) - np.log(added / 2))
    moderated = variance.copy()
    moderated[spread] = np.maximum(variance[spread], (added * prior + d * variance[spread]) / (added + d))
    return moderated, prior_df


def _inverse_trigamma(value: float, largest: float) -> float:
    """Return where the trigamma function, which falls from infinity to 0, equals `value`; between 0.001 and
    `largest`.
    """
    from scipy.special import polygamma

    smallest = 1e-3
    if value <= polygamma(1, largest):
        return largest
    if value >= polygamma(1, smallest):
        return smallest
    # Newton's steps on the reciprocal, which is convex: from below they rise to it (Smyth 2004, appendix).
    found, step = 0.5 + 1 / value, 1.0
    while abs(step) > _PRECISION * found:
        own = float(polygamma(1, found))
        step = own * (1 - own / value) / float(polygamma(2, found))
        found += step
    return found


def geometric_mean(values: FloatArray, confidence: float = 0.95) -> Interval:
    """Return the geometric mean of one positive value per block, (b,), in their unit, with the interval of
    `paired_ratio`.

    Reciprocal values give the reciprocal mean and ends. The mean of products is the product of the means. Raises
    ValueError as `paired_ratio` does.
    """
    return paired_ratio(np.ones(len(values)), values, confidence)


def samples_needed(quantile: float, confidence: float = 0.95) -> int:
    """Return how many independent samples it takes for the smallest and the largest to enclose `quantile` with
    `confidence`.

    This is the smallest n with q^n <= alpha/2 and (1 - q)^n <= alpha/2, alpha = 1 - confidence: all samples then
    seldom lie on one side of the quantile q. From this n on the distribution-free interval by order statistics exists
    (David and Nagaraja 2003, Order Statistics, chapter 7). At 95 %: p50 6, p95 72, p99 368.
    """
    return math.ceil(math.log((1 - confidence) / 2) / math.log(max(quantile, 1 - quantile)))


def effective_samples(latencies: FloatArray, quantile: float) -> float:
    """Return how many independent samples `latencies` (n,), in the order measured, are worth for `quantile`: 0 to n.

    The number is n / tau, where tau = 1 + 2 * (sum of the autocorrelations of "is above the quantile"), because a
    quantile is estimated through this indicator (Vehtari et al. 2021, Bayesian Analysis 16(2)). The sum ends before
    two neighbouring autocorrelations add up to 0 or less, because the rest is noise (the initial positive sequence,
    Geyer 1992, Statistical Science 7(4)).
    """
    return _worth(latencies > sample_quantile(latencies, quantile)) if len(latencies) else 0.0


def _worth(above: npt.NDArray[np.bool_]) -> float:
    """Return how many independent samples the indicator `above` (n,) is worth, as in `effective_samples`."""
    n = len(above)
    if not above.any():
        return float(n)
    autocovariance = _first_autocovariances(above, min(n + n % 2, _FEW_LAGS))
    pairs = autocovariance.reshape(-1, 2).sum(axis=1)
    if n > _FEW_LAGS and (pairs > 0).all():
        autocovariance = _autocovariances(above)
        pairs = autocovariance.reshape(-1, 2).sum(axis=1)
    tau = 2 * float(pairs[np.logical_and.accumulate(pairs > 0)].sum() / autocovariance[0]) - 1
    return n / max(1.0, tau)


def _first_autocovariances(above: npt.NDArray[np.bool_], lags: int) -> FloatArray:
    """Return n times the autocovariance of `above` (n,) at the first `lags` lags from 0, (lags,).

    It counts instead of multiplying: few latencies are above a high quantile.
    """
    n, lag = len(above), np.arange(lags)
    at = np.flatnonzero(above)
    both = np.concatenate([above, np.zeros(lags, dtype=bool)])[at + lag[:, None]].sum(axis=1)
    # At each lag: how many lie before the last `lag` latencies, and how many after the first `lag`.
    early, late = np.searchsorted(at, n - lag), len(at) - np.searchsorted(at, lag)
    mean = len(at) / n
    found: FloatArray = both - mean * (early + late) + np.maximum(0, n - lag) * mean**2
    return found


def _autocovariances(above: npt.NDArray[np.bool_]) -> FloatArray:
    """Return n times the autocovariance of `above` (n,) at all lags, by FFT.

    Zeros up to twice the length keep the end of the series from overlapping its beginning.
    """
    n = len(above)
    size = 1 << (2 * n - 1).bit_length()
    power = np.abs(np.fft.rfft(above - above.mean(), size)) ** 2
    return np.fft.irfft(power, size)[: n + n % 2]


def known_quantiles(
    latencies: FloatArray, quantiles: Sequence[float], confidence: float = 0.95
) -> list[float | None]:
    """Return the `quantiles` of `latencies` (n,), in the order measured; None for each that needs more effective
    samples.
    """
    needed = [samples_needed(quantile, confidence) for quantile in quantiles]
    if len(latencies) < min(needed):
        return [None] * len(needed)
    values = sample_quantiles(latencies, quantiles)
    return [
        value if len(latencies) >= enough and _worth(latencies > value) >= enough else None
        for value, enough in zip(values, needed, strict=True)
    ]


def known_quantile(latencies: FloatArray, quantile: float, confidence: float = 0.95) -> float | None:
    """Return one quantile as `known_quantiles` does."""
    return known_quantiles(latencies, (quantile,), confidence)[0]


def quantile_known(latencies: FloatArray, quantile: float, confidence: float = 0.95) -> bool:
    """Whether `latencies` (n,), in the order measured, are worth enough independent samples for their `quantile`."""
    return known_quantile(latencies, quantile, confidence) is not None


def integrate(t_s: FloatArray, power_w: FloatArray, begin_s: float, end_s: float) -> FloatArray:
    """Return the energy in J from `begin_s` to `end_s`: () for `power_w` (n,), and (rails,) for (n, rails).

    It sums trapezoids between the ascending sample times `t_s` (n,). Power at the ends of the window is interpolated
    linearly; before the first and after the last sample it is that of the nearest one. Finite samples give a finite
    energy, however close together they are. Raises ValueError without a sample.
    """
    if not len(t_s):
        raise ValueError("energy needs at least one sample of power")
    inside = (begin_s < t_s) & (t_s < end_s)
    t = np.concatenate([[begin_s], t_s[inside], [end_s]])
    rails = power_w.reshape(len(t_s), -1)
    # Only the two ends are interpolated: between them the samples are used as they are.
    at_t = np.vstack([_power_at(begin_s, t_s, rails), rails[inside], _power_at(end_s, t_s, rails)])
    energy_j: FloatArray = np.diff(t) @ (at_t[1:] / 2 + at_t[:-1] / 2)
    return energy_j.reshape(power_w.shape[1:])


def _power_at(moment_s: float, t_s: FloatArray, power_w: FloatArray) -> FloatArray:
    """Return the power (rails,) at one moment, linear between the samples.

    It is a weighted mean: `np.interp` uses the slope, which may overflow where two samples nearly coincide.
    """
    after = int(np.searchsorted(t_s, moment_s, side="right"))
    if after in (0, len(t_s)):
        nearest: FloatArray = power_w[min(after, len(t_s) - 1)]
        return nearest
    share = (moment_s - t_s[after - 1]) / (t_s[after] - t_s[after - 1])
    between: FloatArray = (1 - share) * power_w[after - 1] + share * power_w[after]
    return between
