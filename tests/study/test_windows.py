"""Records sorted into cells: in which order they stand, and what each is set against."""

from __future__ import annotations

import dataclasses
import itertools
import random

import numpy as np
import pytest

from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import PowerTrace, TrialRecord, Work
from colocate.study.interference import cells
from colocate.study.windows import energies_j, group, work_per_s
from tests.study.truth import ISOLATED, NETWORK, SPEC, TASK, record, trial

LOW = ClockPoint(102_000_000, 76_800_000)


def window(block: int = 0, task: Task | None = None, inference: Inference | None = NETWORK) -> TrialRecord:
    return record(trial(block, task, inference), np.full(10 if inference else 0, 0.01))


def test_rows_follow_the_spec_whatever_the_order_of_the_records() -> None:
    networks = (Inference("resnet152", "synthetic"), Inference("alexnet", "synthetic"))
    tasks = (Task("stringsearch"), Task("bitcount"))
    shared = Placement("shared", (0,), (0, 1), (1,))
    spec = SweepSpec(networks, tasks, placements=("shared", "isolated"))
    clocks = [ClockPoint(), LOW, ClockPoint(102_000_000, 998_400_000)]
    settings_ = list(itertools.product(networks, (shared, ISOLATED), clocks, (None, *tasks)))
    done = [record(trial(0, t, i, c, p), np.full(10, 0.01)) for i, p, c, t in settings_]
    random.Random(0).shuffle(done)
    expected = [(i, p.name, c, t.name if t else "none") for i, p, c, t in settings_]
    assert [(w.inference, w.setting.placement, w.setting.clocks, w.task) for w in group(done, spec)] == expected
    assert [(c.inference, c.placement, c.clocks, c.task) for c in cells(done, spec)] == expected


def test_a_task_alone_and_an_idle_machine_are_no_rows() -> None:
    done = [window(0), window(0, TASK), *(window(1, task, inference=None) for task in (TASK, None))]
    assert [each.task for each in group(done, SPEC)] == ["none", "bitcount"]
    assert [cell.task for cell in cells(done, SPEC)] == ["none", "bitcount"]


def test_a_record_of_something_never_asked_for_is_an_error() -> None:
    for of in (group, cells):
        with pytest.raises(ValueError, match="not in"):
            of([window(0, Task("jpeg"))], SPEC)


def test_a_cell_comes_with_all_that_it_is_set_against() -> None:
    own, solo, alone, idle = window(0, TASK), window(0), window(1, TASK, None), window(1, None, None)
    elsewhere = [record(trial(2, task, None, LOW), np.array([])) for task in (TASK, None)]
    baseline, beside = group([*elsewhere, idle, alone, solo, own], SPEC, [trial(9, TASK)])
    assert (beside.own, beside.solo, beside.alone, beside.idle, beside.lossy) == (
        [own],
        [solo],
        [alone],
        [idle],
        True,
    )
    assert (baseline.own, baseline.alone, baseline.idle, baseline.lossy) == ([solo], (), [idle], False)
    assert [pair.records for pair in beside.pairs()] == [(solo, own)] and not baseline.pairs()


def test_a_pair_is_of_one_block_and_of_two_windows_with_inferences() -> None:
    empty = dataclasses.replace(window(1), latencies_s=np.array([]))
    done = [window(0), window(0, TASK), empty, window(1, TASK), window(2, TASK), window(3)]
    _, beside = group(done, SPEC)
    assert [[record.trial.block for record in pair.records] for pair in beside.pairs()] == [[0, 0]]


def test_windows_stand_in_the_order_measured() -> None:
    done = [window(block) for block in range(5)]
    (found,) = group(random.Random(1).sample(done, 5), SPEC)
    assert [each.trial.block for each in found.own] == [0, 1, 2, 3, 4]


def test_the_rate_of_work_is_over_all_windows_and_unknown_where_one_finished_nothing() -> None:
    def worked(count: float, elapsed_s: float) -> TrialRecord:
        return dataclasses.replace(window(0, TASK), work=Work("images", count, elapsed_s, elapsed_s))

    assert work_per_s([worked(10, 1.0), worked(30, 3.0), window(1)]) == pytest.approx(10.0)
    assert work_per_s([worked(10, 1.0), worked(0, 3.0)]) is None
    assert work_per_s([window(0)]) is None


def test_energy_is_that_of_the_window_by_rails_that_are_known() -> None:
    trace = PowerTrace(np.array([0.5, 1.5]), np.array([[8.0, 3.0], [8.0, 3.0]]), ("VDD_IN", "VDD_GPU"), 0.1)
    metered = dataclasses.replace(window(), power=trace, elapsed_s=2.0)
    total, gpu, cpu = energies_j(metered)
    assert cpu is None and (total, gpu) == pytest.approx((16.0, 6.0))
    silent = dataclasses.replace(trace, t_s=np.array([]), power_w=np.empty((0, 2)))
    assert energies_j(dataclasses.replace(metered, power=silent)) == energies_j(window()) == (None, None, None)
