"""Does a 95 % interval hold the truth 95 times in a hundred? 500 simulated studies each, of fixed seed.

An exact interval covers 475 +- 5 of 500 (one standard deviation), so 92 to 98 % is three of them either side.
Run with -s to see the table.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from colocate.model.trial import FloatArray
from colocate.study.conditions import alternating_pair
from colocate.study.stats import paired_ratio, quantile_known, sample_quantile
from tests.study.alternating import Alternating, Machine
from tests.study.truth import Truth

REPETITIONS = 500
BLOCKS = (3, 5, 10)
COVERS = (0.92, 0.98)
# Truth's drift of 3 % a block is twice and more what is left in a paired ratio.
SHAPES = [
    pytest.param(Truth(rho=rho, tail=tail), id=f"rho {rho}, {'heavy tail' if tail else 'lognormal'}")
    for rho, tail in itertools.product((0.0, 0.5, 0.9), (0.0, 2.0))
]


def covered(
    solo: FloatArray, colocated: FloatArray, truth: float, known: FloatArray | None = None
) -> tuple[float, float]:
    """Share of studies whose interval holds `truth`, and median of hi / lo - 1, from (repetitions, blocks)."""
    kept = np.ones(solo.shape, dtype=bool) if known is None else known > 0
    intervals = [paired_ratio(s[k], c[k]) for s, c, k in zip(solo, colocated, kept, strict=True) if k.sum() >= 2]
    assert len(intervals) > 0.9 * len(solo)
    width = [i.hi / i.lo - 1 for i in intervals if i.hi is not None and i.lo is not None]
    return float(np.mean([not i.excludes(truth) for i in intervals])), float(np.median(width))


@pytest.mark.parametrize("truth", SHAPES)
def test_median_slowdown(truth: Truth) -> None:
    windows = truth.draw(np.random.default_rng(2017), REPETITIONS, max(BLOCKS), n=200)
    solo, colocated = (np.median(window, axis=0) for window in windows)
    for blocks in BLOCKS:
        share, width = covered(solo[:, :blocks], colocated[:, :blocks], truth.slowdown_at(0.50))
        print(f"p50 {truth.rho=} {truth.tail=} {blocks=}: {share:.1%} covered, width {width:.1%}")
        assert COVERS[0] <= share <= COVERS[1]


@pytest.mark.parametrize("truth", SHAPES)
def test_tail_slowdown_from_the_windows_that_know_it(truth: Truth) -> None:
    """As `interference.cells` does it. Windows are long enough that most know their p99."""
    n = {0.0: 500, 0.5: 1000, 0.9: 4000}[truth.rho]
    rng = np.random.default_rng(2017)
    chunks = []
    for _ in range(REPETITIONS // 50):
        windows = [np.ascontiguousarray(window.reshape(n, -1).T) for window in truth.draw(rng, 50, max(BLOCKS), n)]
        p99 = [np.quantile(side, 0.99, axis=1, method="median_unbiased") for side in windows]
        assert p99[0][0] == sample_quantile(windows[0][0], 0.99)
        known = [[quantile_known(window, 0.99) for window in side] for side in windows]
        chunks.append(np.array([*p99, np.all(known, axis=0)]).reshape(3, 50, max(BLOCKS)))
    solo, colocated, known_both = np.concatenate(chunks, axis=1)
    for blocks in BLOCKS:
        first = (slice(None), slice(blocks))
        share, width = covered(solo[first], colocated[first], truth.slowdown_at(0.99), known_both[first])
        print(f"p99 {truth.rho=} {truth.tail=} {blocks=} {n=}: {share:.1%} covered, width {width:.1%}")
        assert COVERS[0] <= share <= COVERS[1]


def test_percentile_bootstrap_of_three_blocks_covers_far_too_little() -> None:
    """Why `paired_ratio` is a t interval: all 27 resamples of three blocks, their 2.5 % and 97.5 % points."""
    truth = Truth()
    windows = truth.draw(np.random.default_rng(2017), REPETITIONS, 3, n=200)
    log_ratio = np.log(np.median(windows[1], axis=0) / np.median(windows[0], axis=0))
    resamples = np.array(list(itertools.product(range(3), repeat=3)))
    lo, hi = np.quantile(log_ratio[:, resamples].mean(axis=2), [0.025, 0.975], axis=1)
    share = float(np.mean((lo <= np.log(truth.slowdown)) & (np.log(truth.slowdown) <= hi)))
    print(f"bootstrap blocks=3: {share:.1%} covered")
    assert share < 0.85


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_windows_worth_too_little_do_not_know_their_tail(rho: float) -> None:
    """400 samples suffice when independent, and hardly ever when each resembles the one before."""
    windows = Truth(rho=rho).draw(np.random.default_rng(2017), 50, 4, n=400)[0].reshape(400, -1).T
    share = float(np.mean([quantile_known(window, 0.99) for window in windows]))
    print(f"{rho=}: {share:.1%} of windows of 400 samples know their p99")
    assert share > 0.8 if rho == 0.0 else share < 0.1 if rho == 0.9 else share < 0.8


def test_slowdown_of_alternating_windows() -> None:
    """Few studies, as each inference is simulated; tests/bench/test_alternating_verdicts.py has many."""
    rng = np.random.default_rng(2017)
    truths = [Alternating(machine=Machine(kind, inside=0.03)) for kind in ("white", "ar1", "walk")] * 40
    windows = [[alternating_pair(truth.window(rng)) for _ in range(4)] for truth in truths]
    for name, of in (("p50", np.median), ("mean", np.mean)):
        alone, beside = (
            np.array([[of(getattr(pair, side)) for pair in study if pair] for study in windows])
            for side in ("alone", "beside")
        )
        share, width = covered(alone, beside, truths[0].slowdown)
        print(f"alternating {name}: {share:.1%} covered, width {width:.1%}")
        assert 0.90 <= share <= 0.99 and width < 0.08
