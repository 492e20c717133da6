"""Cells of alternating windows: what comes from which, and what the check of alternation does to them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.quality import QualityFlag
from colocate.model.trial import Condition, TrialRecord
from colocate.study.interference import cells
from tests.study.alternating import Alternating, Machine
from tests.study.test_interference import colocated_cell, power
from tests.study.truth import NETWORK, SPEC


def alternated(unseen: float = 1.0) -> list[TrialRecord]:
    truth = Alternating(slowdown=1.2, loss=0.3, unseen=unseen, solo_s=0.002, machine=Machine(between=0.04))
    return list(truth.study(np.random.default_rng(2017), repeats=5, steady=2))


def test_ratios_come_from_alternating_windows_and_power_from_steady_ones() -> None:
    done = [
        record if record.trial.alternating else power(dataclasses.replace(record, temperature_c=60.0), 8.0, 3.0, 1.0)
        for record in alternated()
    ]
    solo, cell = cells(done, SPEC)
    assert (cell.blocks, solo.blocks, cell.alternating, solo.alternating) == (5, 5, True, True)
    assert cell.slowdown_p50 is not None and cell.slowdown_p95 is not None and cell.slowdown_mean is not None
    for slowdown in (cell.slowdown_p50, cell.slowdown_p95, cell.slowdown_mean):
        assert slowdown.value == pytest.approx(1.2, rel=0.03) and slowdown.excludes(1.0)
        assert slowdown.hi is not None and slowdown.lo is not None and slowdown.hi / slowdown.lo < 1.06
    loss = cell.work_loss_ratio
    assert loss is not None and (loss.value, loss.lo, loss.hi) == pytest.approx((0.3, 0.3, 0.3))
    # No steady window knows the task's work.
    assert cell.work_per_s is None
    unmetered = [record for record in done if record.trial.alternating]
    _, bare = cells(unmetered, SPEC)
    assert bare.work_per_s == pytest.approx(700.0) and bare.power_w is None and bare.temperature_c is None
    assert (cell.power_w, cell.temperature_c) == pytest.approx((8.0, 60.0))
    assert cell.n == sum(
        (record.conditions == Condition.BESIDE).sum() if record.conditions is not None else len(record.latencies_s)
        for record in done
        if record.trial.task
    )


def test_where_alternation_differs_the_cell_says_so_and_is_steady() -> None:
    seen, unseen = (colocated_cell(cells(alternated(factor), SPEC)) for factor in (1.0, 2.0))
    assert QualityFlag.ALTERNATION_DIFFERS not in seen.warnings
    assert QualityFlag.ALTERNATION_DIFFERS in unseen.warnings
    assert (unseen.blocks, unseen.alternating) == (2, False)
    assert unseen.slowdown_p50 is not None and unseen.slowdown_p50.value == pytest.approx(2.4, rel=0.3)


def test_a_run_of_misses_ends_with_its_segment() -> None:
    truth = Alternating(solo_s=0.002, slowdown=2.0)
    network = dataclasses.replace(NETWORK, period_s=0.003)
    window = truth.window(np.random.default_rng(0))
    window = dataclasses.replace(window, trial=dataclasses.replace(window.trial, inference=network))
    _, cell = cells([window], dataclasses.replace(SPEC, inferences=(network,)))
    assert cell.miss_ratio is not None and cell.miss_ratio > 0.5
    assert cell.longest_miss_run is not None and cell.longest_miss_run <= 0.05 / 0.003
