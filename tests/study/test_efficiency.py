"""Images per second and per joule."""

from __future__ import annotations

import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.cell import Interval
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, SweepSpec
from colocate.model.trial import TrialRecord
from colocate.study.efficiency import Efficiency, efficiencies
from colocate.study.trade_offs import trade_offs
from tests.study.solo import solo
from tests.study.truth import NATIVE, NETWORK, TASK, trial

ONE, EIGHT = NETWORK, dataclasses.replace(NETWORK, batch=8)
SPEC = SweepSpec((ONE, EIGHT), ())
LOW, HIGH = ClockPoint(gpu_hz=76_800_000), ClockPoint(gpu_hz=998_400_000)


def only(*records: TrialRecord) -> Efficiency:
    (row,) = efficiencies(records, SPEC)
    return row


def value(interval: Interval | None) -> float:
    assert interval is not None
    return interval.value


# ---- rows


def test_a_row_against_a_hand_calculation() -> None:
    row = only(*(solo(EIGHT, 0.02, 5.0, repeat) for repeat in range(3)))
    assert value(row.images_per_s) == pytest.approx(8 / 0.02)
    assert value(row.p50_s) == pytest.approx(0.02)
    assert value(row.p99_s) == pytest.approx(0.02 * 1.0098, rel=1e-3)
    assert value(row.power_w) == pytest.approx(5.0)
    assert value(row.energy_per_image_j) == pytest.approx(5.0 * 0.02 / 8)
    assert value(row.images_per_j) == pytest.approx(80.0)
    assert (row.n, len(row.windows), row.warnings, row.failure) == (1800, 3, (), None)


def test_intervals_are_over_blocks() -> None:
    row = only(solo(watts=4.0), solo(watts=5.0, repeat=1), solo(watts=6.25, repeat=2))
    # Log watts are spaced evenly by log 1.25, and t(2, 0.975) = 4.302653.
    half = 4.302652729911275 * math.log(1.25) / math.sqrt(3)
    assert row.power_w is not None and row.images_per_j is not None and row.energy_per_image_j is not None
    assert (row.power_w.value, row.power_w.lo, row.power_w.hi) == pytest.approx(
        (5.0, 5 * math.exp(-half), 5 * math.exp(half))
    )
    per_j, energy = row.images_per_j, row.energy_per_image_j
    assert per_j.lo is not None and per_j.hi is not None and energy.lo is not None and energy.hi is not None
    assert per_j.lo * energy.hi == pytest.approx(1) and per_j.hi * energy.lo == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(1e-4, 1.0), st.floats(0.5, 500.0)), min_size=1, max_size=6))
def test_images_per_second_and_watt_agree_with_both(windows: list[tuple[float, float]]) -> None:
    row = only(*(solo(EIGHT, latency, watts, i, n=8) for i, (latency, watts) in enumerate(windows)))
    assert value(row.images_per_j) == pytest.approx(value(row.images_per_s) / value(row.power_w))
    assert (row.power_w is not None and row.power_w.lo is None) == (len(windows) == 1)


def test_rows_follow_the_spec_whatever_the_order() -> None:
    other = Inference("resnet152", "synthetic")
    spec = SweepSpec((other, EIGHT, ONE), ())
    done = [solo(i, clocks=c, repeat=r) for i in (other, ONE, EIGHT) for c in (NATIVE, LOW, HIGH) for r in range(2)]
    random.Random(0).shuffle(done)
    rows = efficiencies(iter(done), spec)
    assert [(row.setting.inference, row.setting.clocks) for row in rows] == [
        (i, c) for i in (other, ONE, EIGHT) for c in (NATIVE, LOW, HIGH)
    ]
    assert all([window.repeat for window in row.windows] == [0, 1] for row in rows)


def test_windows_beside_a_task_and_an_idle_machine_do_not_count() -> None:
    beside = dataclasses.replace(solo(latency_s=9.0), trial=trial(0, TASK))
    idle = dataclasses.replace(solo(watts=1.0), trial=trial(1, None, inference=None), latencies_s=np.array([]))
    assert only(solo(), beside, idle) == only(solo())


def test_without_a_meter_there_is_no_energy() -> None:
    row = only(*(solo(watts=None, repeat=r) for r in range(2)))
    assert row.images_per_s is not None
    assert (row.power_w, row.energy_per_image_j, row.images_per_j) == (None, None, None)


def test_a_meter_that_shows_nothing_gives_no_energy() -> None:
    row = only(solo(watts=0.0), solo(watts=5.0, repeat=1))
    assert row.power_w is not None
    assert row.power_w.value == pytest.approx(5.0)
    assert row.power_w.lo is None


def test_too_short_windows_have_no_tail_and_one_block_no_interval() -> None:
    short = only(solo(n=50), solo(n=50, repeat=1))
    assert short.p99_s is None and short.warnings == (QualityFlag.TOO_FEW_FOR_P99,)
    assert only(solo()).warnings == (QualityFlag.TOO_FEW_REPEATS,)
    empty = dataclasses.replace(solo(), latencies_s=np.array([]))
    assert only(empty).images_per_s is None
    assert only(empty).warnings == (QualityFlag.TOO_FEW_FOR_P99, QualityFlag.TOO_FEW_REPEATS)


# ---- failures

MESSAGE = "onnxruntime cannot load alexnet: out of memory"


def test_a_setting_that_failed_is_a_row_with_the_message() -> None:
    rows = efficiencies([solo(), solo(repeat=1)], SPEC, [(trial(r, None, EIGHT), MESSAGE) for r in range(2)])
    assert [row.setting.inference.batch for row in rows] == [1, 8]
    failed = rows[1]
    assert (failed.failure, failed.warnings, failed.windows, failed.n) == (
        MESSAGE,
        (QualityFlag.TRIALS_FAILED,),
        (),
        0,
    )
    assert (failed.images_per_s, failed.p99_s, failed.images_per_j) == (None, None, None)
    (found,) = trade_offs(rows)
    assert found.best is rows[0] and found.candidates == 1


def test_a_failure_in_one_round_leaves_the_others() -> None:
    (row,) = efficiencies([solo(), solo(repeat=2)], SPEC, [(trial(1), MESSAGE)])
    assert (row.failure, row.warnings, len(row.windows)) == (MESSAGE, (QualityFlag.TRIALS_FAILED,), 2)


def test_a_trial_that_was_run_again_has_not_failed() -> None:
    (row,) = efficiencies([solo(), solo(repeat=1)], SPEC, [(trial(1), MESSAGE), (trial(0, TASK), MESSAGE)])
    assert (row.failure, row.warnings) == (None, ())
