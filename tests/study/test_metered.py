"""What the meters say of a cell: intervals over the windows, and changes by block."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from colocate.model.cell import Cell
from colocate.model.trial import PowerTrace, TrialRecord
from colocate.study.interference import cells
from tests.study.truth import SPEC, Truth, records


def measured(watts: list[tuple[float, float]]) -> tuple[Cell, Cell]:
    """A cell alone and one beside a task, from a block with this power of each."""
    solo, colocated = Truth().draw(np.random.default_rng(0), 1, len(watts), 60)
    found = [metered(each, watts) for each in records(solo[:, 0], colocated[:, 0])]
    alone, beside = sorted(cells(found, SPEC), key=lambda cell: cell.task != "none")
    return alone, beside


def metered(record: TrialRecord, watts: list[tuple[float, float]]) -> TrialRecord:
    power_w = watts[record.trial.block][record.trial.task is not None]
    trace = PowerTrace(np.array([0.5, 1.5]), np.full((2, 1), power_w), ("VDD_IN",), 0.1)
    return dataclasses.replace(record, power=trace)


def test_a_drift_over_the_blocks_cancels_in_the_change() -> None:
    alone, beside = measured([(8.0, 8.8), (9.0, 9.9), (10.0, 11.0)])
    assert alone.power_ratio is None and alone.energy_ratio is None
    assert beside.power_ratio is not None and beside.power_ratio.value == pytest.approx(1.1)
    assert beside.power_ratio.excludes(1.0)
    assert beside.power_w is not None and beside.power_ends_w is not None
    assert beside.power_ends_w[0] < 8.8 < beside.power_w < 11.0 < beside.power_ends_w[1]


def test_energy_has_the_interval_of_its_windows() -> None:
    alone, beside = measured([(8.0, 8.8), (8.1, 8.7), (8.2, 9.0)])
    for cell in (alone, beside):
        assert cell.energy_per_inference_j is not None and cell.energy_ends_j is not None
        assert cell.energy_ends_j[0] < cell.energy_per_inference_j < cell.energy_ends_j[1]
    assert beside.energy_ratio is not None and beside.energy_ratio.value > 1.0


def test_one_window_gives_a_change_without_an_interval() -> None:
    alone, beside = measured([(8.0, 8.8)])
    assert alone.power_ends_w is None and alone.energy_ends_j is None
    assert beside.power_ratio is not None and beside.power_ratio.lo is None
    assert math.isclose(beside.power_ratio.value, 1.1)


def test_what_was_not_metered_has_no_change() -> None:
    solo, colocated = Truth().draw(np.random.default_rng(0), 1, 3, 60)
    (beside,) = (cell for cell in cells(records(solo[:, 0], colocated[:, 0]), SPEC) if cell.task != "none")
    assert (beside.power_ends_w, beside.energy_ends_j, beside.power_ratio, beside.energy_ratio) == (None,) * 4


def test_no_power_at_all_is_no_change() -> None:
    _, beside = measured([(0.0, 8.8), (0.0, 8.7)])
    assert beside.power_ratio is None and beside.power_ends_w is not None
