"""A thousand simulated tables of 81 cells: how often a verdict is wrong, and what looking early saves.

What the tables are is in tests/study/tables.py. Run with `pytest -m bench -s tests/bench/test_verdicts.py`: minutes.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from colocate.model.limits import Quantity
from colocate.study.advice import advise
from colocate.study.bounds import Tails, mean_bounds, once
from colocate.study.comparison import compare
from colocate.study.sequential import Schedule
from tests.study.tables import (
    CELLS,
    COLOCATED,
    LIMITS,
    PLACES,
    Noise,
    Outcome,
    Table,
    draw,
    rates,
    run,
    until_decided,
)

pytestmark = pytest.mark.bench

TABLES = 1000
MOST_REPEATS = 30
# What an exact 5 % shows in a thousand tables, but for one chance in a thousand.
FIVE_PERCENT = 0.05 + 3.1 * math.sqrt(0.05 * 0.95 / TABLES)
NOISES = {
    "autocorrelated": Noise(),
    "alike": Noise(spread=(0.01, 0.01)),
    "heavy tails": Noise(rhos=(0.0, 0.5), heavy=True),
    "heavy tails, p95": Noise(rhos=(0.0, 0.5), heavy=True, quantile=0.95),
}


def outcome(table: Table, blocks: int) -> Outcome:
    """What `advise` says of the first `blocks` blocks, by its bounds alone: the short way to a thousand."""
    tails, limits = Tails(0.05 / CELLS, 0.05 / (2 * CELLS)), LIMITS.by_quantity
    logs = ((Quantity.SLOWDOWN_P50, table.slowdown), (Quantity.POWER, table.power_w))
    ends = [
        (math.log(limits[q]), *mean_bounds(np.log(values[:, :blocks]), tails, once(blocks))) for q, values in logs
    ]
    unsafe = np.any([lo > limit for limit, lo, _ in ends], axis=0)
    safe = np.all([hi <= limit for limit, _, hi in ends], axis=0) & ~unsafe
    return Outcome(bool((safe & ~table.safe).any()), bool((unsafe & table.safe).any()), float((safe | unsafe).mean()))


def test_the_short_way_says_what_advice_says() -> None:
    rng = np.random.default_rng(0)
    for table in [draw(rng, 6, Noise(), 0.2) for _ in range(20)]:
        assert outcome(table, 6) == Outcome.of(advise(table.evidence(6), LIMITS), table)


@pytest.mark.parametrize("at_limit", [0.2, 1.0])
@pytest.mark.parametrize("name", NOISES)
def test_wrong_verdicts_of_the_fixed_design(name: str, at_limit: float) -> None:
    rng = np.random.default_rng(2017)
    tables = [draw(rng, 10, NOISES[name], at_limit) for _ in range(TABLES)]
    for blocks in (3, 5, 10):
        false_safe, false_unsafe, decided = rates([outcome(table, blocks) for table in tables])
        print(
            f"{name}, {at_limit:.0%} of cells at a limit, {blocks} blocks: false SAFE in {false_safe:.1%} and "
            f"false UNSAFE in {false_unsafe:.1%} of tables, {decided:.1%} of cells decided"
        )
        assert false_safe <= 0.05 and false_unsafe <= 0.05


@pytest.mark.parametrize(
    ("name", "at_limit"), [("autocorrelated", 0.05), ("autocorrelated", 0.2), ("heavy tails", 0.2)]
)
def test_until_decided_takes_half_the_windows_of_the_fixed_design(name: str, at_limit: float) -> None:
    """The fixed design: as many blocks of every cell as it takes to decide as large a share of the cells."""
    rng, schedule = np.random.default_rng(2017), Schedule(MOST_REPEATS)
    outcomes, taken, fixed = [], 0, np.zeros(MOST_REPEATS + 1)
    for _ in range(TABLES):
        table = draw(rng, MOST_REPEATS, NOISES[name], at_limit)
        progress, windows = until_decided(table, schedule)
        outcomes.append(Outcome.of(progress.advice, table))
        taken += windows
        fixed[2:] += [outcome(table, blocks).decided for blocks in range(2, MOST_REPEATS + 1)]
    false_safe, false_unsafe, decided = rates(outcomes)
    blocks = int((fixed / TABLES >= decided).argmax())
    assert blocks, "more than the fixed design can decide"
    ratio = taken / (TABLES * blocks * (CELLS + len(PLACES)))
    print(
        f"{name}, {at_limit:.0%} of cells at a limit: {decided:.1%} of cells decided with {taken / TABLES:.0f} "
        f"windows, {ratio:.0%} of those of {blocks} blocks each, which decide {fixed[blocks] / TABLES:.1%}; "
        f"false SAFE in {false_safe:.1%} and false UNSAFE in {false_unsafe:.1%} of tables"
    )
    assert ratio <= 0.5 and false_safe <= 0.05 and false_unsafe <= 0.05


@pytest.mark.parametrize("name", NOISES)
def test_repeated_looks_hold_the_error(name: str) -> None:
    """Every cell right at its limit and looked at to the end."""
    rng, looks, limit = np.random.default_rng(2017), Schedule(MOST_REPEATS)(MOST_REPEATS), np.full(CELLS, 1.1)
    tails, upper, lower = Tails(0.05 / CELLS, 0.05 / CELLS), 0, 0
    truth = math.log(1.1)
    for _ in range(TABLES):
        lo, hi = mean_bounds(np.log(NOISES[name].slowdowns(rng, limit, MOST_REPEATS)), tails, looks)
        upper, lower = upper + bool((hi < truth).any()), lower + bool((lo > truth).any())
    print(f"{name}, {len(looks)} looks: false SAFE in {upper / TABLES:.1%}, false UNSAFE in {lower / TABLES:.1%}")
    assert max(upper, lower) / TABLES <= 0.05


@pytest.mark.parametrize(("cells", "blocks"), list(itertools.product((8, 27, 81), (3, 4, 5, 10))))
def test_moderated_variances_hold_the_error(cells: int, blocks: int) -> None:
    """Every cell at its limit, standard deviations as unlike the model's as one likes."""
    rng, row = np.random.default_rng(2017), np.arange(cells)
    for name, spread in {
        "log-uniform over 6": np.exp(rng.uniform(math.log(0.005), math.log(0.03), cells)),
        "equal": np.full(cells, 0.01),
        "half 6 times the rest": np.where(row % 2, 0.03, 0.005),
        "half 20 times the rest": np.where(row % 2, 0.1, 0.005),
        "one in ten 6 times the rest": np.where(row % 10, 0.005, 0.03),
        "one 10 times the rest": np.where(row, 0.01, 0.1),
    }.items():
        upper = lower = 0
        for _ in range(TABLES):
            values = spread[:, None] * rng.standard_normal((cells, blocks))
            lo, hi = mean_bounds(values, Tails(0.05 / cells, 0.05 / cells), once(blocks))
            upper, lower = upper + bool((hi < 0).any()), lower + bool((lo > 0).any())
        print(f"{cells} cells, {blocks} blocks, {name}: {upper / TABLES:.1%} and {lower / TABLES:.1%}")
        # The one known exception, three blocks of cells twenty-fold apart, is said in `moderated_variance`.
        allowed = 0.10 if (blocks, name) == (3, "half 20 times the rest") else FIVE_PERCENT
        assert max(upper, lower) / TABLES <= allowed


@pytest.mark.parametrize("blocks", [5, 10])
def test_a_planted_regression_of_five_percent(blocks: int) -> None:
    for name, noise in {
        "1 %": Noise(spread=(0.01, 0.01), rhos=(0.0, 0.5)),
        "0.5 to 1.5 %": Noise(spread=(0.005, 0.015), rhos=(0.0, 0.5)),
        "0.5 to 3 %": Noise(),
        "0.5 to 1.5 %, heavy tails": Noise(spread=(0.005, 0.015), rhos=(0.0, 0.5), heavy=True),
    }.items():
        rng, found, made_up = np.random.default_rng(2017), 0, 0
        for machine in range(TABLES):
            slowdown, cell = rng.uniform(1, 1.3, CELLS), int(rng.integers(CELLS))
            before = run(rng, machine, slowdown, noise, blocks)
            made_up += bool(compare(before, run(rng, machine, slowdown, noise, blocks)).regressions)
            slowdown[cell] *= 1.05
            changes = compare(before, run(rng, machine, slowdown, noise, blocks)).regressions
            found += any(c.before == COLOCATED[cell] and c.quantity is Quantity.LATENCY_P50 for c in changes)
        print(
            f"blocks scatter by {name}, {blocks} of them: found {found / TABLES:.1%}, made up {made_up / TABLES:.1%}"
        )
        assert made_up / TABLES <= FIVE_PERCENT
        # What five blocks can do has its limits; how much they scatter decides.
        assert found / TABLES >= 0.9 or name != "1 %"
