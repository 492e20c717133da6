"""Records sorted into cells: in which order they stand, and what each is set against."""

from __future__ import annotations

import dataclasses
import itertools
import random

import numpy as np
import pytest

from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Placement, SweepSpec, Task
from colocate.model.trial import Condition, PowerTrace, TrialRecord
from colocate.study.interference import cells
from colocate.study.windows import energies_j, group, pooled_latencies
from tests.study.alternating import Alternating, Machine
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


def test_energy_is_that_of_the_window_by_rails_that_are_known() -> None:
    trace = PowerTrace(np.array([0.5, 1.5]), np.array([[8.0, 3.0], [8.0, 3.0]]), ("VDD_IN", "VDD_GPU"), 0.1)
    metered = dataclasses.replace(window(), power=trace, elapsed_s=2.0)
    total, gpu, cpu = energies_j(metered)
    assert cpu is None and (total, gpu) == pytest.approx((16.0, 6.0))
    silent = dataclasses.replace(trace, t_s=np.array([]), power_w=np.empty((0, 2)))
    assert energies_j(dataclasses.replace(metered, power=silent)) == energies_j(window()) == (None, None, None)


def alternated(repeats: int = 4, unseen: float = 1.0, **changes: object) -> list[TrialRecord]:
    truth = Alternating(unseen=unseen, machine=Machine(between=0.02), solo_s=0.002, **changes)  # type: ignore[arg-type]
    return list(truth.study(np.random.default_rng(2017), repeats, steady=2))


def test_a_cell_has_steady_and_alternating_windows_and_its_baseline_too() -> None:
    done = alternated()
    baseline, beside = group(random.Random(0).sample(done, len(done)), SPEC)
    assert [each.trial.repeat for each in beside.alternating] == [0, 1, 2, 3]
    assert [each.trial.repeat for each in beside.own] == [each.trial.repeat for each in beside.solo] == [0, 1]
    assert (baseline.own, list(baseline.alternating)) == (beside.solo, beside.alternating)
    assert [pair.records for pair in beside.pairs()] == [(each,) for each in beside.alternating]
    assert [pair.records for pair in beside.steady_pairs()] == list(zip(beside.solo, beside.own, strict=True))
    assert not baseline.pairs() and not baseline.differs and not beside.differs


def test_latencies_of_alternating_windows_are_those_of_the_condition() -> None:
    done = alternated()
    baseline, beside = group(done, SPEC)
    windows = {record.trial.trial_id: record for record in done}
    for cell, condition in ((baseline, Condition.ALONE), (beside, Condition.BESIDE)):
        found = {record.trial.trial_id: len(own) for record, own in cell.latencies() if record.trial.alternating}
        assert found == {name: np.sum(windows[name].conditions == condition) for name in found} and len(found) == 4
    pooled = pooled_latencies(done)
    assert {key.task: len(own) for key, own in pooled.items()} == {
        cell.setting.task: sum(len(own) for _, own in cell.latencies()) for cell in (baseline, beside)
    }


def test_a_baseline_stands_even_where_no_solo_window_was_measured() -> None:
    done = [record for record in alternated() if record.trial.alternating]
    baseline, beside = group(done, SPEC)
    assert (baseline.task, baseline.own, len(baseline.alternating)) == ("none", (), 4)
    assert len(beside.pairs()) == 4


def test_where_the_designs_differ_the_steady_windows_stand_alone() -> None:
    baseline, beside = group(alternated(unseen=3.0), SPEC)
    assert beside.differs
    assert not beside.alternating and not baseline.alternating and not baseline.differs
    assert [pair.records for pair in beside.pairs()] == list(zip(beside.solo, beside.own, strict=True))
    # What something from outside did to the steady windows is no difference of the designs.
    stolen = [
        record if record.trial.alternating else dataclasses.replace(record, warnings=(QualityFlag.CPU_TIME_STOLEN,))
        for record in alternated(unseen=3.0)
    ]
    assert not group(stolen, SPEC)[1].differs


def test_work_is_that_of_alternating_windows_where_they_know_it() -> None:
    _, beside = group(alternated(loss=0.3), SPEC)
    assert [kept for _, kept in beside.work_kept()] == pytest.approx([0.7] * 4)
    unknown = [dataclasses.replace(record, segments=tuple(
        dataclasses.replace(segment, work=None) for segment in record.segments
    )) for record in alternated()]  # fmt: skip
    _, beside = group(unknown, SPEC)
    assert beside.work_kept() == [], "and no task was measured alone"
