"""Where alternating windows see less than steady ones the cell is picked, and by chance hardly any is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from colocate.study.agreement import FALSE_ALARMS, Designs, differing

CELLS, SOLO, TASKS = 27, 9, 3


def table(
    rng: np.random.Generator,
    pairs: int = 2,
    windows: int = 4,
    unseen: float = 0.0,
    spread: tuple[float, float] = (0.07, 0.07),
) -> list[Designs]:
    """Three networks of 27 cells each, three of which share their solo windows.

    Windows scatter by `spread`, log-uniform between its ends, and alternating ratios by 1.5 %. In the first half of
    the cells of each network steady pairs are `unseen` slower.
    """
    found = []
    for network in range(3):
        for place in range(SOLO):
            scatter = math.exp(rng.uniform(*np.log(spread)))
            solo = scatter * rng.standard_normal((pairs, 1))
            for task in range(TASKS):
                beside = math.exp(rng.uniform(*np.log(spread)))
                shift = unseen if place * TASKS + task < CELLS / 2 else 0.0
                steady = shift + beside * rng.standard_normal((pairs, 1)) - solo
                found.append(
                    Designs(
                        network,
                        steady + 0.2 * scatter * rng.standard_normal((pairs, 2)),
                        0.015 * rng.standard_normal((windows, 2)),
                        scatter * rng.standard_normal((windows, 1)).repeat(2, axis=1),
                        beside * rng.standard_normal((windows, 1)).repeat(2, axis=1),
                    )
                )
    return found


@pytest.mark.parametrize("spread", [(0.07, 0.07), (0.02, 0.12)])
def test_by_chance_few_tables_have_a_cell_picked(spread: tuple[float, float]) -> None:
    rng = np.random.default_rng(2017)
    share = np.mean([any(differing(table(rng, spread=spread))) for _ in range(200)])
    print(f"{spread}: {share:.1%} of tables")
    assert share <= FALSE_ALARMS


def test_what_alternation_cannot_see_is_found() -> None:
    rng = np.random.default_rng(2017)
    first = np.tile(np.arange(CELLS) < CELLS / 2, 3)
    picked = np.mean([differing(table(rng, unseen=0.3)) for _ in range(20)], axis=0)
    assert picked[first].mean() > 0.6 and picked[~first].mean() < 0.1


def test_more_pairs_find_smaller_differences() -> None:
    rng = np.random.default_rng(2017)
    first = np.tile(np.arange(CELLS) < CELLS / 2, 3)
    found = [
        np.mean([differing(table(rng, pairs, unseen=0.15)) for _ in range(20)], axis=0)[first].mean()
        for pairs in (2, 4)
    ]
    assert found[1] > 1.5 * found[0]


def test_one_window_of_a_design_tells_nothing() -> None:
    rng = np.random.default_rng(0)
    assert not any(differing(table(rng, pairs=1, unseen=9.0)))
    assert not any(differing(table(rng, windows=1, unseen=9.0)))
    assert not any(differing(table(rng, pairs=0)))
    assert differing([]) == []


def test_without_noise_equal_is_equal_and_different_is_different() -> None:
    def exact(steady: float) -> Designs:
        return Designs("net", np.full((2, 2), steady), np.full((3, 2), 0.1), np.zeros((3, 2)), np.zeros((3, 2)))

    assert differing([exact(0.1 + 1e-12), exact(0.1 - 1e-12)]) == [False, False]
    assert differing([exact(0.1), exact(0.2)]) == [False, True]
