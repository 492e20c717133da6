from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.containment import Containment
from colocate.model.request import Inference, SweepSpec, Task
from colocate.model.trial import Trial
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.model import Load, OperatingPoint, Tx1Model
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.rigs.tx1.steady import Inferred, inferred
from colocate.study.plan import plan
from tests.rigs.tx1.board import HIGH_CPU_HZ, HIGH_GPU_HZ

QUIET = dataclasses.replace(
    Constants(), jitter_ratio=0.0, tail_share=0.0, window_ratio=0.0, block_ratio=0.0, inferences_min=1.0
)
LATENCY_S = Tx1Model().predict(Inference("alexnet", "tensorrt"), OperatingPoint(HIGH_CPU_HZ, HIGH_GPU_HZ)).latency_s


def window(
    period_s: float | None = None, containment: Containment | None = None, constants: Constants = QUIET
) -> Inferred:
    """AlexNet beside one bitcount on its CPU."""
    spec = SweepSpec(
        (Inference("alexnet", "tensorrt", wait="block", period_s=period_s),),
        (Task("bitcount", containment=containment),), "tx1-model", ("high",), ("high",), repeats=1,
    )  # fmt: skip
    trial: Trial = next(t for t in plan(spec, Tx1Rig().facts()) if t.inference and t.task)
    load = Load("bitcount", 1, shared=True, containment=containment)
    return inferred(trial, OperatingPoint(HIGH_CPU_HZ, HIGH_GPU_HZ, load), Tx1Model(constants))


def test_back_to_back_one_follows_the_other() -> None:
    found = window()
    assert found.due_s is found.begins_s and found.latencies_s is found.lengths_s
    assert found.elapsed_s == pytest.approx(found.latencies_s.sum())


def test_frames_are_due_at_multiples_of_the_period_and_take_as_long_as_back_to_back() -> None:
    found, steady = window(2 * LATENCY_S), window()
    assert np.diff(found.due_s) == pytest.approx(2 * LATENCY_S)
    assert found.latencies_s == pytest.approx(steady.latencies_s[0])
    assert found.elapsed_s == pytest.approx(2.0, abs=2 * LATENCY_S)


def test_frames_that_come_too_fast_wait_longer_and_longer() -> None:
    found = window(LATENCY_S / 2)
    assert (np.diff(found.latencies_s) > 0).all() and found.lengths_s == pytest.approx(found.lengths_s[0])
    assert found.elapsed_s == pytest.approx(found.lengths_s.sum())


def test_an_inference_that_meets_a_task_with_a_quota_waits_at_most_for_all_of_it() -> None:
    quota, plain = window(containment=Containment(quota_ratio=0.2)), window()
    shortest_s = window(containment=Containment(idle=True)).latencies_s[0]
    assert quota.latencies_s.min() == pytest.approx(shortest_s, rel=1e-3)
    # The least is that without the task, the most no more than beside one without a quota.
    assert quota.latencies_s.max() == pytest.approx(plain.latencies_s[0], rel=1e-3)
    assert quota.latencies_s.max() <= shortest_s + 0.02
    short = window(containment=Containment(quota_ratio=0.2, quota_period_s=0.01))
    assert np.ptp(short.latencies_s) < np.ptp(quota.latencies_s)
    assert short.latencies_s.mean() == pytest.approx(quota.latencies_s.mean(), rel=0.01)


@pytest.mark.parametrize("containment", [None, Containment(quota_ratio=0.2)])
def test_drift_within_the_window_slows_inferences_and_is_reported(containment: Containment | None) -> None:
    drifting = dataclasses.replace(QUIET, drift_ratio=0.2)
    found, calm = window(None, containment, drifting), window(None, containment)
    assert found.latencies_s.mean() / calm.latencies_s.mean() == pytest.approx(found.slower, rel=0.01)
    assert found.latencies_s.std() > calm.latencies_s.std() and calm.slower == pytest.approx(1)
