"""What is known of a contained task without measuring: shares of a CPU, and when a quota lets it run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import Containment, parse_containment
from colocate.model.request import Inference, SweepSpec, Task
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.contained import duty, network_share, throttled, weight_ratio
from colocate.rigs.tx1.model import Load, OperatingPoint, Prediction
from colocate.rigs.tx1.presence import Presence
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.study.interference import cells
from colocate.study.plan import plan
from tests.rigs.tx1.board import HIGH_GPU_HZ, LOW_CPU_HZ, MODEL, line, predict

C = Constants()
# Caffe launches GoogLeNet at the lowest CPU clock without ever waiting for the GPU: its thread keeps a CPU as busy as
# one that spins.
BUSY = Inference("googlenet", "caffe", wait="block")
QUOTAS = {"quota=10%": 0.1, "quota=20%": 0.2, "quota=50%": 0.5, "quota=20%/10": 0.2}
WAYS = ("none", "weight=100", "weight=10", "weight=1000", "idle", *QUOTAS)


def measured(
    inference: Inference, words: Sequence[str], cpu: str = "low", *, alternating: bool = False
) -> Mapping[str, Cell]:
    """One copy of bitcount on the network's CPU, in each containment."""
    tasks = tuple(
        Task("bitcount", containment=parse_containment(f"{way}+cpus=1".removeprefix("none+"))) for way in words
    )
    spec = SweepSpec(
        (inference,), tasks, "tx1-model", (cpu,), ("high",), placements=("shared",), repeats=2,
        alternating=alternating,
    )  # fmt: skip
    rig = Tx1Rig()
    trials = plan(spec, rig.facts())
    rig.check(trials)
    found = [cell for cell in cells([rig.run(trial) for trial in trials], spec) if cell.task != SOLO]
    return dict(zip(words, found, strict=True))


def mean(cell: Cell) -> float:
    assert cell.slowdown_mean is not None
    return cell.slowdown_mean.value


def loss(cell: Cell) -> float:
    assert cell.work_loss_ratio is not None
    return cell.work_loss_ratio.value


@pytest.mark.parametrize("alternating", [False, True])
def test_a_thread_that_never_sleeps_shares_its_cpu_as_known(alternating: bool) -> None:
    found = measured(BUSY, WAYS, alternating=alternating)
    assert mean(found["none"]) == pytest.approx(2, rel=0.01)
    assert mean(found["weight=100"]) == pytest.approx(2, rel=0.01)
    assert mean(found["weight=10"]) == pytest.approx(1.1, rel=0.01)
    assert mean(found["weight=1000"]) == pytest.approx(11, rel=0.02)
    assert mean(found["idle"]) == pytest.approx(1, rel=0.01)
    for words, quota in QUOTAS.items():
        assert mean(found[words]) == pytest.approx(1 / (1 - quota), rel=0.03), words
        # It has its quota beside the network as well as alone.
        assert loss(found[words]) == pytest.approx(0, abs=0.02), words
    assert loss(found["none"]) == pytest.approx(1 / 2, abs=0.01)
    assert loss(found["weight=10"]) == pytest.approx(10 / 11, abs=0.01)
    assert loss(found["idle"]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("alternating", [False, True])
def test_an_idle_task_keeps_what_a_network_that_sleeps_or_waits_for_frames_leaves(alternating: bool) -> None:
    host_s = line(predict("googlenet")).host_cpu_s
    for period_s in (None, 0.1):
        inference = Inference("googlenet", wait="block", period_s=period_s)
        cell = measured(inference, ("idle",), "high", alternating=alternating)["idle"]
        assert mean(cell) == pytest.approx(1, rel=0.01)
        every_s = period_s or line(predict("googlenet")).latency_s
        assert loss(cell) == pytest.approx(host_s / every_s, abs=0.02)


def test_the_period_of_a_quota_shapes_the_tail() -> None:
    """An inference that meets a task with a quota waits until that is used up, and at most so long."""
    # 20 ms of CPU in 100 ms, of which the network's 10 ms inferences meet a part.
    edges_s = np.array([0.0, 10.0])
    for period_s in (0.1, 0.01):
        containment = Containment(quota_ratio=0.2, quota_period_s=period_s)
        presence = throttled(Presence(edges_s, np.array([True])), np.array([0.5]), containment, 0.3)
        lengths_s = np.diff(presence.edges_s)[presence.runs]
        assert lengths_s.max() == pytest.approx(0.4 * period_s)
        assert lengths_s.sum() == pytest.approx(4.0, abs=period_s)


@given(
    st.lists(st.tuples(st.floats(0.01, 2), st.booleans(), st.floats(0.1, 3)), min_size=1, max_size=8),
    st.floats(0.05, 1),
    st.sampled_from((0.01, 0.1, 1.0)),
    st.floats(0, 0.99),
)
def test_a_quota_is_never_exceeded_in_a_period_and_takes_nothing_that_is_not_there(
    parts: list[tuple[float, bool, float]], ratio: float, period_s: float, phase: float
) -> None:
    lengths_s, runs, cpus = (np.array(each) for each in zip(*parts, strict=True))
    whole = Presence(np.concatenate([[0.0], np.cumsum(lengths_s)]), runs)
    found = throttled(whole, cpus, Containment(quota_ratio=ratio, quota_period_s=period_s), phase)
    middles_s = (found.edges_s[:-1] + found.edges_s[1:]) / 2
    assert not (found.runs & ~whole.at(middles_s)).any()
    own = np.floor((middles_s + phase * period_s) / period_s)
    used = np.diff(found.edges_s) * found.runs * cpus[np.searchsorted(whole.edges_s[1:-1], middles_s, side="right")]
    for period in np.unique(own):
        assert used[own == period].sum() <= ratio * period_s * (1 + 1e-6)


def test_without_a_quota_a_task_runs_throughout() -> None:
    presence = Presence(np.array([0.0, 1.0]), np.array([True]))
    for containment in (None, Containment(idle=True)):
        assert throttled(presence, np.ones(1), containment, 0.0) is presence
        assert duty(containment, 3.0) == 1
    assert duty(Containment(quota_ratio=0.3), 3.0) == pytest.approx(0.1)
    assert duty(Containment(quota_ratio=3.0), 2.0) == 1


def test_shares_of_a_cpu_are_by_weight() -> None:
    assert weight_ratio(None) == weight_ratio(Containment(cpus=1)) == weight_ratio(Containment(weight=100)) == 1
    assert network_share(Containment(idle=True), C) == 1
    for weight in (1, 10, 100, 10_000):
        assert network_share(Containment(weight=weight), C) == pytest.approx(100 / (100 + weight))


CONTAINMENTS = st.builds(
    Containment,
    weight=st.none() | st.integers(1, 10_000),
    quota_ratio=st.none() | st.floats(0.01, 3),
)


def averaged(
    containment: Containment | None, processes: int = 1, task: str = "jpeg", inference: Inference = BUSY
) -> Prediction:
    load = Load(task, processes, shared=True, containment=containment)
    return MODEL.on_average(inference, OperatingPoint(LOW_CPU_HZ, HIGH_GPU_HZ, load))


ROUNDING = 1e-9
INFERENCES = st.sampled_from((BUSY, Inference("alexnet", "tensorrt"), Inference("alexnet", "tensorrt", period_s=0.5)))


@settings(max_examples=100, deadline=None)
@given(CONTAINMENTS, st.integers(1, 10_000), st.integers(1, 3), INFERENCES)
def test_more_weight_is_never_a_faster_network_nor_less_work(
    containment: Containment, other: int, processes: int, inference: Inference
) -> None:
    lighter, heavier = (
        averaged(dataclasses.replace(containment, weight=weight), processes, inference=inference)
        for weight in sorted((containment.weight or 100, other))
    )
    assert lighter.latency_s <= heavier.latency_s * (1 + ROUNDING)
    assert lighter.work_per_s <= heavier.work_per_s * (1 + ROUNDING)
    idle = averaged(dataclasses.replace(containment, weight=None, idle=True), processes, inference=inference)
    assert idle.latency_s <= lighter.latency_s * (1 + ROUNDING)
    assert idle.work_per_s <= lighter.work_per_s * (1 + ROUNDING)


@settings(max_examples=100, deadline=None)
@given(CONTAINMENTS, st.floats(0.01, 3), st.integers(1, 3), INFERENCES)
def test_more_quota_is_never_a_faster_network_nor_less_work(
    containment: Containment, other: float, processes: int, inference: Inference
) -> None:
    less, more = (
        averaged(dataclasses.replace(containment, quota_ratio=ratio), processes, inference=inference)
        for ratio in sorted((containment.quota_ratio or 1.0, other))
    )
    assert less.latency_s <= more.latency_s * (1 + ROUNDING)
    assert less.work_per_s <= more.work_per_s * (1 + ROUNDING)


@settings(max_examples=100, deadline=None)
@given(CONTAINMENTS, st.booleans(), st.integers(1, 3), INFERENCES)
def test_shares_of_the_cpus_are_at_most_all_of_them(
    containment: Containment, idle: bool, processes: int, inference: Inference
) -> None:
    if idle:
        containment = dataclasses.replace(containment, weight=None, idle=True)
    found = averaged(containment, processes, inference=inference)
    host_cpu_s = line(MODEL.predict(inference, OperatingPoint(LOW_CPU_HZ, HIGH_GPU_HZ))).host_cpu_s
    assert 0 <= found.work_cpus <= processes - host_cpu_s / found.every_s + ROUNDING
    assert found.work_cpus <= (containment.quota_ratio or processes) + ROUNDING


def test_an_idle_task_without_a_cpu_of_its_own_takes_no_memory_from_a_busy_thread() -> None:
    alone = MODEL.predict(BUSY, OperatingPoint(LOW_CPU_HZ, HIGH_GPU_HZ))
    idle = averaged(Containment(idle=True))
    assert idle.latency_s == pytest.approx(alone.latency_s, rel=1e-6)
    assert idle.power_w == pytest.approx(alone.power_w, rel=1e-3)


def test_power_and_work_follow_the_part_of_the_time_that_a_quota_leaves() -> None:
    whole, half = averaged(Containment(quota_ratio=3.0), 2), averaged(Containment(quota_ratio=0.75), 2)
    assert whole.work_cpus == pytest.approx(1.5, rel=0.01) and half.work_cpus == pytest.approx(0.75)
    alone = MODEL.predict(BUSY, OperatingPoint(LOW_CPU_HZ, HIGH_GPU_HZ))
    assert half.power_w == pytest.approx((whole.power_w + alone.power_w) / 2, rel=1e-2)
    assert half.work_per_s == pytest.approx(whole.work_per_s / 2, rel=1e-2)


def test_cpus_are_as_many_processes() -> None:
    spec = SweepSpec(
        (Inference("alexnet", wait="block"),),
        tuple(Task("jpeg", containment=Containment(cpus=n)) for n in (1, 2)),
        "tx1-model", ("high",), ("high",), repeats=1,
    )  # fmt: skip
    rig = Tx1Rig()
    one, two = (cell for cell in cells([rig.run(t) for t in plan(spec, rig.facts())], spec) if cell.task != SOLO)
    assert one.work_per_s is not None and two.work_per_s is not None and one.work_per_s < two.work_per_s
    assert 1 < mean(one) < mean(two)
