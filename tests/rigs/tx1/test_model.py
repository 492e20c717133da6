"""What must hold at every clock, whatever the constants are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, EMC_STEPS_HZ
from colocate.rigs.tx1.model import Load, OperatingPoint
from colocate.rigs.tx1.tasks import UNITS
from tests.rigs.tx1.board import (
    HIGH_CPU_HZ,
    HIGH_GPU_HZ,
    LOW_GPU_HZ,
    MODEL,
    Clocks,
    latency_s,
    line,
    lowered,
    predict,
    questions,
)

# Sums of thousands of kernels differ in the last digits where nothing else does.
ROUNDING = 1e-9


@settings(max_examples=300, deadline=None)
@given(questions(), lowered(), st.sampled_from((None, "bitcount", "stringsearch", "jpeg-small")), st.booleans())
def test_latency_never_falls_when_a_clock_is_lowered(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], task: str | None, shared: bool
) -> None:
    before_s, after_s = (latency_s(question, each, task=task, shared=shared) for each in clocks)
    assert after_s >= before_s * (1 - ROUNDING)


@settings(max_examples=300, deadline=None)
@given(questions(), lowered(), st.floats(0, 50e9))
def test_latency_never_falls_when_a_clock_is_lowered_beside_the_same_memory_traffic(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], traffic: float
) -> None:
    before_s, after_s = (latency_s(question, each, pressure_bytes_per_s=traffic) for each in clocks)
    assert after_s >= before_s * (1 - ROUNDING)


@settings(max_examples=300, deadline=None)
@given(
    questions(), lowered(), st.tuples(st.sampled_from(EMC_STEPS_HZ), st.sampled_from(EMC_STEPS_HZ)).map(sorted),
    st.sampled_from((None, "bitcount", "jpeg")),
)  # fmt: skip
def test_latency_never_falls_and_power_never_rises_when_the_memory_clock_is_lowered(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], emc_hz: list[int], task: str | None
) -> None:
    slow, fast = (predict(**question, **clocks[0], emc_hz=hz, task=task) for hz in emc_hz)
    assert line(slow).latency_s >= line(fast).latency_s * (1 - ROUNDING)
    assert (slow.emc_hz, fast.emc_hz) == tuple(emc_hz)
    # Less memory traffic in a second, by both, at a lower clock.
    assert slow.power_w[0] <= fast.power_w[0] * (1 + ROUNDING)


@settings(max_examples=100, deadline=None)
@given(questions(), lowered(), st.sampled_from((None, "bitcount", "jpeg")))
def test_a_memory_clock_set_to_what_the_kernel_would_choose_changes_no_latency(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], task: str | None
) -> None:
    native = predict(**question, **clocks[0], task=task)
    assert line(predict(**question, **clocks[0], emc_hz=native.emc_hz, task=task)).latency_s == line(native).latency_s


# jpeg's traffic comes with its work, of which a slower CPU does less: less stands in the network's way. Where the GPU
# keeps the memory's clock up and the network hardly needs the CPU, the network gains by that, so latency beside jpeg
# may fall. It never falls by more than jpeg took.
@settings(max_examples=300, deadline=None)
@given(questions(), lowered(), st.booleans())
def test_a_lowered_clock_may_win_back_what_jpeg_took_but_no_more(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], shared: bool
) -> None:
    high, low = clocks
    before_s, after_s = (latency_s(question, each, task="jpeg", shared=shared) for each in clocks)
    taken_s = before_s - latency_s(question, high)
    assert after_s >= latency_s(question, low) * (1 - ROUNDING)
    assert before_s - after_s <= taken_s + before_s * ROUNDING
    if high["cpu_hz"] == low["cpu_hz"]:
        assert after_s >= before_s * (1 - ROUNDING)


@settings(max_examples=200, deadline=None)
@given(questions(), lowered(), st.sampled_from(tuple(UNITS)), st.integers(1, 3))
def test_latency_never_falls_when_a_task_is_added(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], task: str, processes: int
) -> None:
    alone_s = latency_s(question, clocks[0])
    fewer_s, more_s = (latency_s(question, clocks[0], task=task, processes=n) for n in (processes, processes + 1))
    assert alone_s <= fewer_s * (1 + ROUNDING) and fewer_s <= more_s * (1 + ROUNDING)


@pytest.mark.parametrize("task", ["bitcount", "stringsearch", "jpeg", "jpeg-small"])
@pytest.mark.parametrize("cpu_hz", CPU_STEPS_HZ)
def test_latency_never_falls_when_a_task_is_added_and_rises_on_the_same_core(task: str, cpu_hz: int) -> None:
    alone = line(predict(cpu_hz=cpu_hz)).latency_s
    isolated = line(predict(cpu_hz=cpu_hz, task=task)).latency_s
    shared = line(predict(cpu_hz=cpu_hz, task=task, shared=True)).latency_s
    assert alone <= isolated < shared


def test_memory_pressure_slows_a_memory_bound_network_and_spares_a_compute_bound_one() -> None:
    def slowdown(network: str, gpu_hz: int, pressure: float) -> float:
        pressed = line(predict(network, gpu_hz=gpu_hz, pressure_bytes_per_s=pressure)).latency_s
        return pressed / line(predict(network, gpu_hz=gpu_hz)).latency_s

    assert slowdown("alexnet", HIGH_GPU_HZ, 10e9) > 1.2
    assert slowdown("resnet152", LOW_GPU_HZ, 10e9) < 1.01


def test_both_sides_lose_work_to_each_other() -> None:
    beside, alone = predict(task="jpeg"), predict("googlenet", gpu_hz=LOW_GPU_HZ, task="jpeg")
    assert beside.work_per_s < alone.work_per_s
    assert predict(task="bitcount").work_per_s == pytest.approx(
        predict("googlenet", gpu_hz=LOW_GPU_HZ, task="bitcount").work_per_s, rel=1e-3
    )
    assert predict(task="bitcount", shared=True).work_per_s < predict(task="bitcount").work_per_s


def test_batch_and_precision_do_what_they_do_on_the_chip() -> None:
    one, many = line(predict()), line(predict(batch=16))
    assert one.latency_s < many.latency_s < 16 * one.latency_s
    for batch in (1, 2, 16):
        halves, full = line(predict(precision="fp16", batch=batch)), line(predict(batch=batch))
        assert full.latency_s / 2.5 < halves.latency_s < full.latency_s


def test_at_a_frame_rate_the_board_rests_between_frames() -> None:
    point = OperatingPoint(HIGH_CPU_HZ, HIGH_GPU_HZ, Load("jpeg", 1, shared=True))
    steady, frames = (
        MODEL.predict(Inference("alexnet", "tensorrt", period_s=period_s), point) for period_s in (None, 0.1)
    )
    assert frames.latency_s == steady.latency_s == steady.every_s < frames.every_s == 0.1
    assert frames.power_w[1] / steady.power_w[1] == pytest.approx(steady.latency_s / 0.1)
    assert frames.work_per_s > steady.work_per_s
    # What comes faster than it can be done is done back to back.
    late = MODEL.predict(Inference("alexnet", "tensorrt", period_s=0.001), point)
    assert late.every_s == steady.every_s and (late.power_w == steady.power_w).all()
