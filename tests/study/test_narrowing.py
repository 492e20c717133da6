"""What is said of the width of intervals while a study runs is what its cells then show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.study.evidence import Slowdowns
from colocate.study.narrowing import narrowing
from colocate.study.plan import STEADY_REPEATS, estimate_s, plan
from colocate.study.stats import paired_ratio
from tests.study.tables import around
from tests.study.test_plan import facts
from tests.study.until_decided import SLOWDOWNS, SPEC

TRIALS = plan(dataclasses.replace(SPEC, alternating=True), facts(probes=("synthetic",)))
INFERENCE = next(trial.inference for trial in TRIALS if trial.inference)


def found(repeats: int, **changes: object) -> list[Slowdowns]:
    """Cells of so many repeats that scatter by 1 %."""
    clocks = TRIALS[0].clocks
    keys = [CellKey(INFERENCE, "isolated", clocks, task) for task in SLOWDOWNS]
    values = dict(enumerate(around(1.1, 0.01, repeats).tolist()))
    return [dataclasses.replace(Slowdowns(key, values, closed=False), **changes) for key in keys]  # type: ignore[arg-type]


def test_the_width_is_that_of_the_interval_and_half_of_it_comes_with_more_repeats() -> None:
    coming = [trial for trial in TRIALS if trial.repeat >= 4]
    told = narrowing(found(4), coming)
    assert told is not None
    interval = paired_ratio(np.ones(4), around(1.1, 0.01, 4))
    assert interval.lo and interval.hi and told.width == pytest.approx(interval.hi / interval.lo - 1)
    later = paired_ratio(np.ones(4 + told.further_repeats), around(1.1, 0.01, 4 + told.further_repeats))
    assert later.lo and later.hi and told.further_width == pytest.approx(later.hi / later.lo - 1)
    assert told.further_width <= told.width / 2
    assert told.further_s == estimate_s([t for t in coming if t.repeat < 4 + told.further_repeats])


def test_where_the_plan_ends_before_it_says_what_is_reached() -> None:
    last = max(trial.repeat for trial in TRIALS)
    told = narrowing(found(last), [trial for trial in TRIALS if trial.repeat >= last])
    assert told is not None and told.further_repeats == 1
    assert told.width / 2 < told.further_width < told.width
    assert narrowing(found(last), []) is None


def test_only_open_cells_count_and_take_time() -> None:
    every = found(4)
    near = [Cell(INFERENCE, "near", "isolated", TRIALS[0].clocks, 0, 0)]
    wide = [
        dataclasses.replace(each, values=dict(enumerate(around(1.1, 0.05, 4).tolist())))
        if each.key.task == "near"
        else each
        for each in every
    ]
    coming = [trial for trial in TRIALS if trial.repeat >= 4]
    told, of_all = narrowing(wide, coming, near), narrowing(wide, coming)
    assert told is not None and of_all is not None and told.width > 3 * of_all.width
    assert told.further_repeats == of_all.further_repeats and told.further_s < of_all.further_s / 2


def test_one_repeat_and_closed_cells_have_nothing_to_narrow() -> None:
    coming = [trial for trial in TRIALS if trial.repeat >= STEADY_REPEATS]
    assert narrowing(found(1), coming) is None
    assert narrowing(found(4, closed=True), coming) is None
    assert narrowing([], coming) is None
