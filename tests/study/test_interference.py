"""Cells from records: pairing, order, what is left empty and why."""

from __future__ import annotations

import dataclasses
import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.model.cell import Cell
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Task
from colocate.model.trial import FloatArray, PowerTrace, TrialRecord, Work
from colocate.study.interference import cells
from colocate.study.stats import known_quantile, sample_quantile
from tests.study.truth import NETWORK, SPEC, TASK, Truth, record, records, trial

RAILS = ("VDD_IN", "VDD_GPU", "VDD_CPU")


def drawn(blocks: int, n: int, seed: int = 0, truth: Truth = Truth()) -> list[TrialRecord]:  # noqa: B008 - frozen
    solo, colocated = truth.draw(np.random.default_rng(seed), 1, blocks, n)
    return list(records(solo[:, 0], colocated[:, 0]))


def work(count: float, elapsed_s: float = 2.0) -> Work:
    return Work("images", count, elapsed_s, elapsed_s)


def power(of: TrialRecord, *watts: float, rails: tuple[str, ...] = RAILS) -> TrialRecord:
    t_s = np.array([0.5, 1.5])
    trace = PowerTrace(t_s, np.tile(np.array(watts), (2, 1)), rails, 0.1)
    return dataclasses.replace(of, power=trace)


def colocated_cell(found: tuple[Cell, ...]) -> Cell:
    (cell,) = (cell for cell in found if cell.task != "none")
    return cell


# ---- rows


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_shuffled_records_give_the_same_cells(seed: int) -> None:
    ordered = drawn(4, 60)
    shuffled = random.Random(seed).sample(ordered, len(ordered))
    assert cells(iter(shuffled), SPEC) == cells(ordered, SPEC)


# ---- latency and slowdown


def test_quantiles_are_the_mean_of_what_windows_know() -> None:
    done = drawn(5, 400)
    solo, colocated = cells(done, SPEC)
    windows = [r.latencies_s for r in done if r.trial.task is None]
    assert (solo.n, solo.blocks) == (2000, 5)
    for found, quantile in ((solo.p50_s, 0.5), (solo.p95_s, 0.95)):
        assert found == pytest.approx(statistics.geometric_mean(sample_quantile(each, quantile) for each in windows))
    assert solo.slowdown_p50 is None and solo.slowdown_p99 is None
    assert colocated.slowdown_p50 is not None


def test_windows_that_differ_do_not_hide_a_percentile_that_each_of_them_knows() -> None:
    """All latencies together are then worth little more than as many samples as there are windows."""
    noise = np.random.default_rng(1)
    levels = (0.010, 0.012, 0.014)
    done = [record(trial(block), level * noise.normal(1, 1e-3, 400)) for block, level in enumerate(levels)]
    (solo,) = cells(done, SPEC)
    assert known_quantile(np.concatenate([r.latencies_s for r in done]), 0.95) is None
    assert solo.p95_s is not None and 0.0119 < solo.p95_s < 0.0121 and solo.warnings == ()


def test_a_disturbed_window_counts_only_where_there_is_no_other() -> None:
    quiet, loud = (record(trial(block), np.full(400, 0.01 * (1 + block))) for block in range(2))
    loud = dataclasses.replace(loud, warnings=(QualityFlag.OTHER_LOAD,))
    (both,), (alone,) = cells([quiet, loud], SPEC), cells([loud], SPEC)
    assert both.p50_s == pytest.approx(0.01) and alone.p50_s == pytest.approx(0.02)


def test_slowdown_recovers_the_truth_through_a_large_drift() -> None:
    truth = Truth(drift=0.5)
    cell = colocated_cell(cells(drawn(8, 800, truth=truth), SPEC))
    for slowdown, quantile in ((cell.slowdown_p50, 0.5), (cell.slowdown_p99, 0.99)):
        assert slowdown is not None
        assert slowdown.value == pytest.approx(truth.slowdown_at(quantile), rel=0.05)
        assert slowdown.excludes(1.0) and not slowdown.excludes(truth.slowdown_at(quantile))


def test_the_mean_tells_of_waits_that_the_median_hides() -> None:
    """Four inferences in ten wait five times as long: half of the rate is gone, the median stands."""
    waits = np.where(np.arange(500) % 5 < 2, 0.05, 0.01)
    done = [
        record(trial(block, task), latencies)
        for block in range(5)
        for task, latencies in ((None, np.full(500, 0.01 + 1e-5 * block)), (TASK, waits + 1e-5 * block))
    ]
    cell = colocated_cell(cells(done, SPEC))
    assert cell.slowdown_p50 is not None and cell.slowdown_p50.value == pytest.approx(1.0)
    assert cell.slowdown_mean is not None and cell.slowdown_mean.value == pytest.approx(2.6, rel=0.01)
    assert cell.slowdown_mean.excludes(1.0)


def test_only_blocks_with_both_windows_are_paired() -> None:
    done = drawn(4, 50)
    # Block 0 loses its baseline and block 1 its co-located window; both would shift the ratio if paired otherwise.
    kept = [r for r in done if (r.trial.block, r.trial.task) not in ((0, None), (1, TASK))]
    both = [r for r in done if r.trial.block >= 2]
    cell = colocated_cell(cells(kept, SPEC))
    assert (cell.blocks, cell.n) == (2, 150)
    assert cell.slowdown_p50 == colocated_cell(cells(both, SPEC)).slowdown_p50


def test_a_baseline_at_other_clocks_or_placement_does_not_count() -> None:
    solo = record(trial(0, clocks=ClockPoint(1, 1)), np.full(50, 0.01))
    cell = colocated_cell(cells([solo, record(trial(0, TASK), np.full(50, 0.02))], SPEC))
    assert (cell.blocks, cell.slowdown_p50) == (0, None)
    assert QualityFlag.TOO_FEW_REPEATS in cell.warnings


def test_one_block_has_a_slowdown_without_ends() -> None:
    cell = colocated_cell(cells(drawn(1, 500), SPEC))
    assert cell.slowdown_p50 is not None and cell.slowdown_p50.value > 1
    assert (cell.slowdown_p50.lo, cell.slowdown_p50.hi, cell.slowdown_p99) == (None, None, None)
    assert QualityFlag.TOO_FEW_REPEATS in cell.warnings


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 367), st.integers(2, 5), st.sampled_from([0.0, 0.9]))
def test_tail_slowdown_is_never_given_from_windows_too_short(seed: int, n: int, blocks: int, rho: float) -> None:
    found = cells(drawn(blocks, n, seed, Truth(rho=rho)), SPEC)
    cell = colocated_cell(found)
    assert cell.slowdown_p99 is None
    assert QualityFlag.TOO_FEW_FOR_P99 in cell.warnings
    assert all(c.p99_s is None or c.n >= 368 for c in found)
    assert all(c.p95_s is None or c.n >= 72 for c in found)


@pytest.mark.parametrize("long_blocks", [0, 1, 2, 3])
def test_tail_slowdown_uses_the_blocks_that_know_it(long_blocks: int) -> None:
    long, short = drawn(long_blocks, 2000, seed=1), drawn(3, 50, seed=2)
    moved = [dataclasses.replace(r, trial=trial(r.trial.block + long_blocks, r.trial.task)) for r in short]
    cell = colocated_cell(cells(long + moved, SPEC))
    # That it is of some of the blocks alone is a warning too.
    assert QualityFlag.TOO_FEW_FOR_P99 in cell.warnings
    if long_blocks < 2:
        assert cell.slowdown_p99 is None
    else:
        assert cell.slowdown_p99 == colocated_cell(cells(long, SPEC)).slowdown_p99


def test_a_median_from_few_samples_is_given_with_a_warning() -> None:
    solo, colocated = cells(drawn(1, 3), SPEC)
    assert solo.p50_s is not None and solo.p95_s is None
    assert QualityFlag.TOO_FEW_FOR_P99 in solo.warnings and QualityFlag.TOO_FEW_FOR_P99 in colocated.warnings


def test_windows_without_an_inference_leave_everything_empty() -> None:
    empty: FloatArray = np.array([])
    solo, colocated = cells([record(trial(0), empty), record(trial(0, TASK), empty)], SPEC)
    for cell in (solo, colocated):
        assert (cell.n, cell.p50_s, cell.slowdown_p50) == (0, None, None)
        assert QualityFlag.TOO_FEW_FOR_P99 in cell.warnings


def test_enough_of_everything_leaves_no_warning() -> None:
    assert [cell.warnings for cell in cells(drawn(5, 2000), SPEC)] == [(), ()]


# ---- warnings


def test_warnings_are_those_of_the_records_in_enum_order() -> None:
    done = drawn(2, 2000)
    done[1] = dataclasses.replace(done[1], warnings=(QualityFlag.OTHER_LOAD,))
    done[3] = dataclasses.replace(done[3], warnings=(QualityFlag.OTHER_LOAD, QualityFlag.TASK_ENDED_EARLY))
    solo, colocated = cells(done, SPEC)
    assert solo.warnings == ()
    assert colocated.warnings == (QualityFlag.TASK_ENDED_EARLY, QualityFlag.OTHER_LOAD)


def test_lost_trials_are_a_warning_unless_run_again() -> None:
    done = drawn(5, 2000)
    failed = [trial(7, TASK), trial(0), trial(9, Task("jpeg"))]
    solo, colocated = cells(done, SPEC, failed)
    assert solo.warnings == () and colocated.warnings == (QualityFlag.TRIALS_FAILED,)


# ---- work


def worked(beside: list[float], alone: dict[int, float]) -> Cell:
    windows = [
        dataclasses.replace(record(trial(b, TASK), np.full(10, 0.01)), work=work(c)) for b, c in enumerate(beside)
    ]
    windows += [
        dataclasses.replace(record(trial(b, TASK, inference=None), np.array([])), work=work(c))
        for b, c in alone.items()
    ]
    return colocated_cell(cells(windows, SPEC))


def test_work_is_set_against_the_same_repeat() -> None:
    # The machine is twice as fast in repeat 1; a loss of 20 % must not see that.
    cell = worked([80.0, 160.0], {0: 100.0, 1: 200.0})
    assert cell.work_per_s == pytest.approx(240 / 4)
    assert cell.work_loss_ratio is not None and cell.work_loss_ratio.value == pytest.approx(0.2)
    assert (cell.work_loss_ratio.lo, cell.work_loss_ratio.hi) == pytest.approx((0.2, 0.2))


def test_work_loss_is_a_geometric_mean() -> None:
    loss = worked([80.0, 125.0], {0: 100.0, 1: 100.0}).work_loss_ratio
    assert loss is not None and loss.value == pytest.approx(0.0)
    assert loss.lo is not None and loss.hi is not None
    assert loss.lo < 0 < loss.hi and (1 - loss.lo) * (1 - loss.hi) == pytest.approx(1.0)


def test_a_repeat_without_the_task_alone_uses_the_others() -> None:
    cell = worked([90.0, 90.0], {0: 100.0})
    assert cell.work_loss_ratio is not None and cell.work_loss_ratio.value == pytest.approx(0.1)
    assert worked([90.0], {}).work_loss_ratio is None


def test_no_unit_finished_means_no_work_figures() -> None:
    beside = worked([0.0, 90.0], {0: 100.0, 1: 100.0})
    assert (beside.work_per_s, beside.work_loss_ratio) == (None, None)
    assert QualityFlag.NO_RUN_COMPLETED in beside.warnings
    alone = worked([90.0], {0: 0.0})
    assert alone.work_per_s == pytest.approx(45.0)
    assert alone.work_loss_ratio is None
    assert QualityFlag.NO_RUN_COMPLETED in alone.warnings


def test_a_solo_network_does_no_work() -> None:
    solo = cells(drawn(1, 10), SPEC)[0]
    assert (solo.work_per_s, solo.work_loss_ratio) == (None, None)


# ---- power and the rest


def test_power_and_energy() -> None:
    windows = [power(record(trial(b), np.full(n, 0.01)), w, 3.0, 1.0) for b, n, w in ((0, 100, 8.0), (1, 50, 10.0))]
    windows.append(power(record(trial(2, None, inference=None), np.array([])), 2.5, 0.5, 0.5))
    (cell,) = cells(windows, SPEC)
    assert (cell.power_w, cell.power_gpu_w, cell.power_cpu_w) == pytest.approx((9.0, 3.0, 1.0))
    assert cell.power_ends_w is not None and cell.power_ends_w[0] < 8.0 and cell.power_ends_w[1] > 10.0
    # Two windows of 2 s: 16 J and 20 J over 150 inferences.
    assert cell.energy_per_inference_j == pytest.approx(36 / 150)
    assert cell.idle_power_w == pytest.approx(2.5)


def test_unmetered_windows_have_no_share_in_power() -> None:
    silent = dataclasses.replace(
        record(trial(1), np.full(10, 0.01)), power=PowerTrace(np.array([]), np.empty((0, 3)), RAILS, 0.1)
    )
    metered = power(record(trial(0), np.full(100, 0.01)), 8.0, 3.0, 1.0)
    (cell,) = cells([metered, silent, record(trial(2), np.full(10, 0.01))], SPEC)
    assert cell.power_w == pytest.approx(8.0) and cell.power_ends_w is None, "one window has no scatter"
    assert cell.energy_per_inference_j == pytest.approx(16 / 100)
    (dark,) = cells([silent], SPEC)
    assert (dark.power_w, dark.power_gpu_w, dark.energy_per_inference_j, dark.idle_power_w) == (None,) * 4


def test_idle_power_belongs_to_its_clock_point() -> None:
    idle = power(record(trial(1, None, None, ClockPoint(1, 1)), np.array([])), 2.5, 0.5, 0.5)
    (cell,) = cells([power(record(trial(0), np.full(10, 0.01)), 8.0, 3.0, 1.0), idle], SPEC)
    assert cell.idle_power_w is None


def test_rails_are_known_by_name() -> None:
    shuffled = power(record(trial(0), np.full(10, 0.01)), 1.0, 8.0, rails=("VDD_CPU", "VDD_IN"))
    (cell,) = cells([shuffled], SPEC)
    assert (cell.power_w, cell.power_cpu_w) == pytest.approx((8.0, 1.0))
    assert cell.power_gpu_w is None


def test_temperature_is_a_mean_and_the_memory_clock_one_that_was_seen() -> None:
    seen = [(50.0, 800), (None, None), (60.0, 1600), (70.0, 1600), (None, 800)]
    done = [
        dataclasses.replace(record(trial(b), np.full(10, 0.01)), temperature_c=t, emc_hz_seen=hz)
        for b, (t, hz) in enumerate(seen)
    ]
    (cell,) = cells(done, SPEC)
    assert cell.temperature_c == pytest.approx(60.0)
    assert cell.emc_hz == 800
    (bare,) = cells([record(trial(0), np.full(10, 0.01))], SPEC)
    assert (bare.temperature_c, bare.emc_hz) == (None, None)


def test_the_cell_says_how_the_network_was_run() -> None:
    half = Inference("alexnet", "onnxruntime", "fp16", 4)
    clocks = ClockPoint(1_734_000_000, 998_400_000)
    both = [record(trial(0, None, i, clocks), np.full(10, 0.01)) for i in (half, NETWORK)]
    first = cells(both, SPEC)[0]
    assert first.inference == half
    assert first.clocks == clocks and math.isclose(first.p50_s or 0.0, 0.01)


def timed(latencies_s: list[list[float]], period_s: float | None) -> Cell:
    network = dataclasses.replace(NETWORK, period_s=period_s)
    spec = dataclasses.replace(SPEC, inferences=(network,))
    return cells([record(trial(i, None, network), np.array(own)) for i, own in enumerate(latencies_s)], spec)[0]


def test_deadlines_are_missed_in_runs_that_end_with_their_window() -> None:
    on, late = 0.01, 0.011
    missed = timed([[late, on, late, late], [late, late, on, on]], on)
    assert (missed.miss_ratio, missed.longest_miss_run) == (5 / 8, 2)
    in_time = timed([[on] * 4], on)
    assert (in_time.miss_ratio, in_time.longest_miss_run) == (0.0, 0)


def test_back_to_back_there_is_no_deadline() -> None:
    assert (timed([[1.0]], None).miss_ratio, timed([[1.0]], None).longest_miss_run) == (None, None)
    assert timed([[]], 0.01).miss_ratio is None


def test_networks_with_and_without_a_period_stand_in_one_table() -> None:
    both = (NETWORK, dataclasses.replace(NETWORK, period_s=0.01))
    spec = dataclasses.replace(SPEC, inferences=both)
    found = cells([record(trial(0, None, each), np.full(10, 0.001)) for each in reversed(both)], spec)
    assert [cell.inference for cell in found] == list(both)
