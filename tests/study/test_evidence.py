"""What counts as evidence, window by window, and what warnings do to it."""

from __future__ import annotations

import dataclasses
import functools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.model.cell_key import CellKey
from colocate.model.limits import PERCENTILES, Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint
from colocate.model.trial import Condition, Work
from colocate.study.advice import Verdict, advise
from colocate.study.conditions import alternating_pair, latencies
from colocate.study.evidence import collect, slowdowns
from colocate.study.interference import cells
from colocate.study.stats import quantile_known, sample_quantile
from tests.study.alternating import Alternating
from tests.study.measured import EXTERNAL, OWN, SENSOR, colocated, flagged, measured, metered
from tests.study.truth import SPEC, TASK, record, trial


def test_there_is_evidence_for_every_cell_in_the_order_of_the_cells() -> None:
    done = measured(3)
    assert [each.cell for each in collect(done, SPEC)] == list(cells(done, SPEC))
    assert [each.colocated for each in collect(done, SPEC)] == [False, True]


@pytest.mark.parametrize("rho", [0.0, 0.9])
def test_a_window_gives_its_median_and_the_tails_that_it_knows(rho: float) -> None:
    done = measured(4, rho=rho)
    found = colocated(done)
    own = {r.trial.repeat: r.latencies_s for r in done if r.trial.task and r.trial.inference}
    for name, q in PERCENTILES.items():
        known = {b: sample_quantile(w, q) for b, w in own.items() if q == 0.5 or quantile_known(w, q)}
        assert found.values.get(Quantity.latency(name), {}) == known
    assert found.values[Quantity.LATENCY_MEAN] == pytest.approx({b: w.mean() for b, w in own.items()})
    assert (Quantity.SLOWDOWN_P99 in found.values) == (rho == 0.0)


def test_a_window_without_an_inference_gives_nothing_and_one_with_few_its_median() -> None:
    few = [dataclasses.replace(r, latencies_s=r.latencies_s[: r.trial.repeat]) for r in measured(3)]
    found = colocated(few).values
    assert found[Quantity.LATENCY_P50].keys() == found[Quantity.SLOWDOWN_P50].keys() == {1, 2}
    assert Quantity.LATENCY_P95 not in found


@pytest.mark.parametrize("knowing", [1, 2])
def test_of_several_blocks_two_must_know_a_tail_as_in_the_cell(knowing: int) -> None:
    few = [
        r if r.trial.repeat < knowing else dataclasses.replace(r, latencies_s=r.latencies_s[:200])
        for r in measured(3)
    ]
    found = colocated(few)
    assert (Quantity.SLOWDOWN_P99 in found.values) == (found.cell.slowdown_p99 is not None) == (knowing == 2)
    assert Quantity.SLOWDOWN_P95 in found.values
    # Of one block alone it is what was seen, without an interval.
    assert Quantity.SLOWDOWN_P99 in colocated(measured(1)).values


def test_slowdown_is_against_the_solo_window_of_the_block() -> None:
    done = measured(3)
    windows = {(r.trial.block, bool(r.trial.task)): r.latencies_s for r in done if r.trial.inference}
    expected = {b: float(np.median(windows[b, True]) / np.median(windows[b, False])) for b in range(3)}
    assert colocated(done).values[Quantity.SLOWDOWN_P50] == pytest.approx(expected)
    without = [r for r in done if (r.trial.block, r.trial.task) != (1, None)]
    assert colocated(without).values[Quantity.SLOWDOWN_P50].keys() == {0, 2}


def test_power_and_work_are_per_window() -> None:
    found = colocated(measured(3))
    assert found.values[Quantity.POWER] == pytest.approx(dict.fromkeys(range(3), 8.0))
    assert found.values[Quantity.WORK_LOSS] == pytest.approx(dict.fromkeys(range(3), 0.1))
    assert found.work_share == pytest.approx(0.9)


def test_work_share_is_of_the_best_that_the_task_reaches_alone_anywhere() -> None:
    faster = dataclasses.replace(
        record(trial(9, TASK, None, ClockPoint(2, 2)), np.array([])), work=Work("images", 400, 2.0, 2.0)
    )
    found = colocated([*measured(3), faster])
    assert found.work_share == pytest.approx(0.225)
    assert found.values[Quantity.WORK_LOSS] == pytest.approx(dict.fromkeys(range(3), 0.1))


def test_what_was_not_measured_has_no_entry() -> None:
    bare = [dataclasses.replace(r, power=None, work=None) for r in measured(3) if r.trial.inference]
    found = colocated(bare)
    assert not {Quantity.POWER, Quantity.WORK_LOSS} & found.values.keys()
    assert found.work_share is None
    solo = next(each for each in collect(bare, SPEC) if not each.colocated)
    assert {quantity.kind for quantity in solo.values} == {"latency"}


def test_a_repeat_without_the_task_alone_has_no_work_loss() -> None:
    done = [r for r in measured(3) if r.trial.inference or r.trial.repeat != 1]
    assert colocated(done).values[Quantity.WORK_LOSS].keys() == {0, 2}


@pytest.mark.parametrize("warning", [*EXTERNAL, *OWN])
def test_a_window_that_is_not_of_the_setting_gives_no_value(warning: QualityFlag) -> None:
    found = colocated(flagged(measured(3), warning))
    assert {tuple(values) for values in found.values.values()} == {(1, 2)}
    assert set(found.left_out) == set(found.values) and set(found.left_out.values()) == {(warning,)}
    assert dict(found.withheld) == (dict.fromkeys(found.values, (warning,)) if warning in OWN else {})


def test_windows_under_a_quota_of_the_container_count_and_are_warned_of() -> None:
    """The quota is there for the whole study: it belongs to the machine."""
    found = colocated(flagged(measured(3), QualityFlag.QUOTA_THROTTLED))
    assert found.values == colocated(measured(3)).values
    assert not found.left_out and not found.withheld
    assert QualityFlag.QUOTA_THROTTLED in found.cell.warnings


@pytest.mark.parametrize("warning", SENSOR)
def test_a_warning_on_a_sensor_spoils_power_alone(warning: QualityFlag) -> None:
    found = colocated(flagged(measured(3), warning))
    assert found.values[Quantity.POWER].keys() == {1, 2}
    assert found.values[Quantity.SLOWDOWN_P50].keys() == found.values[Quantity.WORK_LOSS].keys() == {0, 1, 2}
    assert found.left_out == {Quantity.POWER: (warning,)} and not found.withheld


def test_a_warning_on_a_baseline_spoils_only_what_is_set_against_it() -> None:
    solo = colocated(flagged(measured(3), QualityFlag.THROTTLED, task=False))
    alone = colocated(flagged(measured(3), QualityFlag.THROTTLED, inference=False))
    assert {quantity.kind for quantity in solo.withheld} == {"slowdown"}
    assert {quantity.kind for quantity in alone.withheld} == {"work"}
    for found in (solo, alone):
        for quantity, values in found.values.items():
            assert values.keys() == ({1, 2} if quantity in found.withheld else {0, 1, 2})


def test_failed_trials_withhold_without_taking_values_and_a_task_whose_end_no_window_saw_its_work_alone() -> None:
    done = measured(3)
    unfinished = [
        dataclasses.replace(r, work=Work("images", 0, 2.0, 2.0)) if r.trial.task and r.trial.inference else r
        for r in done
    ]
    found = colocated(unfinished)
    assert found.withheld == {Quantity.WORK_LOSS: (QualityFlag.NO_RUN_COMPLETED,)}
    assert len(found.values[Quantity.SLOWDOWN_P50]) == 3 and Quantity.WORK_LOSS not in found.values
    (lossy,) = (each for each in collect(done, SPEC, [trial(9, TASK)]) if each.colocated)
    assert set(lossy.withheld.values()) == {(QualityFlag.TRIALS_FAILED,)} and len(lossy.values) == len(Quantity)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_shuffled_records_give_the_same_evidence(seed: int) -> None:
    ordered = flagged(measured(3, 100), QualityFlag.THROTTLED)
    assert collect(random.Random(seed).sample(ordered, len(ordered)), SPEC) == collect(ordered, SPEC)


def test_alternating_windows_give_a_value_a_repeat_and_steady_ones_power() -> None:
    truth = Alternating(slowdown=1.2, loss=0.3, solo_s=0.002)
    done = [
        record if record.trial.alternating else metered(record)
        for record in truth.study(np.random.default_rng(2017), repeats=4, steady=2)
    ]
    baseline, found = collect(done, SPEC)
    every = {0, 1, 2, 3}
    assert found.values[Quantity.SLOWDOWN_P50].keys() == found.values[Quantity.WORK_LOSS].keys() == every
    assert found.values[Quantity.LATENCY_P50].keys() == baseline.values[Quantity.LATENCY_P50].keys() == every
    assert found.values[Quantity.POWER].keys() == {0, 1}
    assert [*found.values[Quantity.SLOWDOWN_P50].values()] == pytest.approx([1.2] * 4, rel=0.03)
    # Both kinds of windows of a repeat are averaged.
    both = [r for r in done if r.trial.task and r.trial.repeat == 0]
    medians = [sample_quantile(latencies(record, Condition.BESIDE), 0.5) for record in both]
    assert found.values[Quantity.LATENCY_P50][0] == pytest.approx(np.sqrt(np.prod(medians)))


def test_a_disturbed_alternating_window_gives_no_value() -> None:
    done = list(Alternating(solo_s=0.002).study(np.random.default_rng(2017), repeats=3))
    spoilt = [dataclasses.replace(done[0], warnings=(QualityFlag.OTHER_LOAD,)), *done[1:]]
    found = colocated(spoilt)
    assert found.values[Quantity.SLOWDOWN_P50].keys() == {1, 2}
    assert found.left_out[Quantity.WORK_LOSS] == (QualityFlag.OTHER_LOAD,)


def test_a_cell_whose_designs_differ_is_closed_unless_steady_windows_go_on() -> None:
    done = list(Alternating(solo_s=0.002, unseen=2.0).study(np.random.default_rng(2017), repeats=4, steady=2))
    spec = dataclasses.replace(SPEC, alternating=True)
    budget = dataclasses.replace(spec, limits=Limits(power_budget_w=9.0))
    (found,) = (each for each in collect(done, spec) if each.colocated)
    assert found.closed and found.cell.warnings and found.values[Quantity.SLOWDOWN_P50].keys() == {0, 1}
    assert not any(each.closed for each in collect(done, budget))
    (ruling,) = advise(collect(done, spec), Limits(max_slowdown=2.2, percentile="p50")).rulings
    assert (ruling.verdict, ruling.open, ruling.further_blocks) == (Verdict.UNDECIDED, False, None)
    assert "alternation differs" in ruling.reason


@pytest.mark.parametrize("unseen", [1.0, 2.0])
@pytest.mark.parametrize("warnings", [(), (QualityFlag.OTHER_LOAD,)])
def test_slowdowns_alone_are_those_of_the_evidence(unseen: float, warnings: tuple[QualityFlag, ...]) -> None:
    spec = dataclasses.replace(SPEC, alternating=True)
    first, *others = Alternating(solo_s=0.002, unseen=unseen).study(np.random.default_rng(2017), repeats=4, steady=2)
    done = [dataclasses.replace(first, warnings=warnings), *others]
    whole = colocated(done, spec)
    (found,) = slowdowns(done, spec)
    assert slowdowns(done, spec, functools.cache(alternating_pair)) == (found,)
    assert found.key == CellKey.of_cell(whole.cell)
    assert (found.values, found.closed) == (whole.values[Quantity.SLOWDOWN_P50], whole.closed)
    assert found.closed == (unseen > 1), "steady windows differ"
