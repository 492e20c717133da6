"""Alternating windows in simulation: how often intervals miss, verdicts are wrong, and the check of alternation errs.

Machines drift between windows and inside them, as white noise, an autoregressive series or a random walk; see
tests/study/alternating.py. Run with `pytest -m bench -s tests/bench/test_alternating_verdicts.py`: some minutes.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import stdtrit

from colocate.model.trial import FloatArray
from colocate.study.agreement import differing
from colocate.study.conditions import alternating_pair
from colocate.study.sequential import Schedule
from colocate.study.stats import sample_quantile
from tests.study.alternating import Alternating, Machine
from tests.study.tables import Noise, Outcome, draw, rates, until_decided
from tests.study.test_agreement import CELLS, table

pytestmark = pytest.mark.bench

STATISTICS = {
    "p50": lambda side: sample_quantile(side, 0.50),
    "p95": lambda side: sample_quantile(side, 0.95),
    "mean": lambda side: float(np.mean(side)),
}
DRIFTS = tuple(itertools.product(("white", "ar1", "walk"), (0.01, 0.05)))
STUDIES, WINDOWS = 500, 10


@functools.cache
def errors(kind: str, inside: float, burst_s: float = 0.0, windows: int = STUDIES * WINDOWS) -> FloatArray:
    """Errors of the log ratios of so many windows, (windows, statistics)."""
    truth = Alternating(machine=Machine(kind, inside=inside), burst_s=burst_s)
    rng = np.random.default_rng(2017)
    pairs = [alternating_pair(truth.window(rng)) for _ in range(windows)]
    logs = [[pair.log_ratio(statistic) for statistic in STATISTICS.values()] for pair in pairs if pair]
    assert len(logs) == windows
    return np.array(logs) - math.log(truth.slowdown)


@pytest.mark.parametrize(("kind", "inside"), DRIFTS)
def test_coverage(kind: str, inside: float) -> None:
    """An interval of 95 % covers 93 to 97 % of truths; of `STUDIES` an exact one covers 91.5 to 98.5 % by chance."""
    every = errors(kind, inside).reshape(STUDIES, WINDOWS, -1)
    for windows in (3, 5, 10):
        own = every[:, :windows]
        half = stdtrit(windows - 1, 0.975) * own.std(axis=1, ddof=1) / math.sqrt(windows)
        covered = (np.abs(own.mean(axis=1)) <= half).mean(axis=0)
        print(
            f"{kind}, {inside:.0%} inside, {windows} windows: "
            + ", ".join(
                f"{name} {share:.1%} covered, half-width {width:.2%}"
                for name, share, width in zip(STATISTICS, covered, np.median(half, axis=0), strict=True)
            )
        )
        for name, share in zip(STATISTICS, covered, strict=True):
            assert name == "p95" or 0.915 <= share <= 0.985
    scatter, bias = every.std(axis=(0, 1)), every.mean(axis=(0, 1))
    for name, s, b in zip(STATISTICS, scatter, bias, strict=True):
        print(f"{kind}, {inside:.0%} inside: one window of {name} scatters by {s:.2%}, bias {b:+.2%}")


@dataclass(frozen=True)
class AlternatingNoise(Noise):
    """Slowdowns as alternating windows measure them; each cell has a drift of its own."""

    def slowdowns(self, rng: np.random.Generator, truth: FloatArray, repeats: int) -> FloatArray:
        banks = np.array([errors(*drift)[:, 0] for drift in DRIFTS])
        of = rng.integers(len(banks), size=len(truth))
        drawn = banks[of[:, None], rng.integers(banks.shape[1], size=(len(truth), repeats))]
        return np.asarray(truth[:, None] * np.exp(drawn))


@pytest.mark.parametrize("at_limit", [0.2, 1.0])
def test_wrong_verdicts_under_sequential_stopping(at_limit: float) -> None:
    rng, schedule, tables = np.random.default_rng(2017), Schedule(30), 300
    outcomes = []
    for _ in range(tables):
        drawn = draw(rng, 30, AlternatingNoise(), at_limit)
        outcomes.append(Outcome.of(until_decided(drawn, schedule)[0].advice, drawn))
    false_safe, false_unsafe, decided = rates(outcomes)
    print(
        f"{at_limit:.0%} of cells at a limit: false SAFE in {false_safe:.1%} and false UNSAFE in {false_unsafe:.1%} "
        f"of {tables} tables, {decided:.1%} of cells decided"
    )
    assert max(false_safe, false_unsafe) <= 0.05


@pytest.mark.parametrize("burst_s", [0.05, 0.2])
def test_a_burst_in_every_window(burst_s: float) -> None:
    quiet, disturbed = (errors("walk", 0.01, length_s, 500).std(axis=0) for length_s in (0.0, burst_s))
    for name, before, after in zip(STATISTICS, quiet, disturbed, strict=True):
        print(f"latencies double for {burst_s:g} s of 1 s: {name} scatters by {after:.2%}, without by {before:.2%}")
    assert disturbed[0] < 0.05


@pytest.mark.parametrize("spread", [(0.07, 0.07), (0.02, 0.12)])
def test_the_check_of_alternation(spread: tuple[float, float]) -> None:
    rng, tables = np.random.default_rng(2017), 1000
    for pairs, windows in ((2, 4), (2, 10), (3, 4), (5, 5)):
        alarms = float(np.mean([any(differing(table(rng, pairs, windows, spread=spread))) for _ in range(tables)]))
        power = []
        for unseen in (0.1, 0.2, 0.3):
            picked = np.mean([differing(table(rng, pairs, windows, unseen, spread)) for _ in range(50)], axis=0)
            power.append(f"{picked[np.tile(np.arange(CELLS) < CELLS / 2, 3)].mean():.0%}")
        print(
            f"windows scatter by {spread[0]:.0%} to {spread[1]:.0%}, {pairs} steady pairs, {windows} windows: "
            f"false alarms in {alarms:.1%} of tables; finds 10, 20, 30 % unseen in {', '.join(power)} of cells"
        )
        assert alarms <= 0.05
