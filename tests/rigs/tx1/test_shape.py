"""What must hold at every clock, whatever the constants are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.model.request import Inference
from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.tasks import UNITS
from tests.rigs.tx1.board import (
    BACKENDS,
    HIGH_CPU_HZ,
    HIGH_GPU_HZ,
    LOW_CPU_HZ,
    LOW_GPU_HZ,
    MODEL,
    NETWORKS,
    line,
    predict,
)

Clocks = dict[str, Any]
# Sums of thousands of kernels differ in the last digits where nothing else does.
ROUNDING = 1e-9


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """A network and how it is run, as `predict` takes it."""
    return {
        "network": draw(st.sampled_from(NETWORKS)),
        "backend": draw(st.sampled_from(BACKENDS)),
        "precision": draw(st.sampled_from(("fp32", "fp16"))),
        "batch": draw(st.sampled_from((1, 2, 3, 10, 16, 32))),
    }


@st.composite
def lowered(draw: st.DrawFn) -> tuple[Clocks, Clocks]:
    """Clocks, and clocks of which none is higher: any pair of the 17 x 13."""
    cpu = sorted(draw(st.tuples(st.sampled_from(CPU_STEPS_HZ), st.sampled_from(CPU_STEPS_HZ))))
    gpu = sorted(draw(st.tuples(st.sampled_from(GPU_STEPS_HZ), st.sampled_from(GPU_STEPS_HZ))))
    return {"cpu_hz": cpu[1], "gpu_hz": gpu[1]}, {"cpu_hz": cpu[0], "gpu_hz": gpu[0]}


def latency_s(question: dict[str, Any], clocks: Clocks, **beside: Any) -> float:
    return line(predict(**question, **clocks, **beside)).latency_s


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
def test_latency_never_falls_when_a_stressor_is_added(
    question: dict[str, Any], clocks: tuple[Clocks, Clocks], task: str, processes: int
) -> None:
    alone_s = latency_s(question, clocks[0])
    fewer_s, more_s = (latency_s(question, clocks[0], task=task, processes=n) for n in (processes, processes + 1))
    assert alone_s <= fewer_s * (1 + ROUNDING) and fewer_s <= more_s * (1 + ROUNDING)


@pytest.mark.parametrize("task", ["bitcount", "stringsearch", "jpeg", "jpeg-small"])
@pytest.mark.parametrize("cpu_hz", CPU_STEPS_HZ)
def test_latency_never_falls_when_a_stressor_is_added_and_rises_on_the_same_core(task: str, cpu_hz: int) -> None:
    alone = line(predict(cpu_hz=cpu_hz)).latency_s
    isolated = line(predict(cpu_hz=cpu_hz, task=task)).latency_s
    shared = line(predict(cpu_hz=cpu_hz, task=task, shared=True)).latency_s
    assert alone <= isolated < shared


@pytest.mark.parametrize("task", [None, "bitcount", "jpeg"])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_power_never_falls_when_a_clock_is_raised(network: str, backend: str, task: str | None) -> None:
    power_w = np.array(
        [
            [predict(network, backend, cpu_hz=c, gpu_hz=g, task=task).power_w[0] for g in GPU_STEPS_HZ]
            for c in CPU_STEPS_HZ
        ]
    )
    assert (np.diff(power_w, axis=0) >= 0).all()
    assert (np.diff(power_w, axis=1) >= 0).all()


@pytest.mark.parametrize("gpu_hz", GPU_STEPS_HZ)
def test_resnet_in_caffe_is_launch_bound_at_the_lowest_cpu_clock(gpu_hz: int) -> None:
    slow = line(predict("resnet152", "caffe", cpu_hz=LOW_CPU_HZ, gpu_hz=gpu_hz))
    assert slow.launch_bound
    assert slow.latency_s >= slow.host_s
    assert not line(predict("resnet152", "caffe", gpu_hz=gpu_hz)).launch_bound


def thriftiest(network: str, backend: str, cpu_hz: int) -> int:
    """The step of the GPU's clock at which an inference costs least energy."""
    predictions = [predict(network, backend, cpu_hz=cpu_hz, gpu_hz=hz) for hz in GPU_STEPS_HZ]
    return int(np.argmin([float(p.power_w[0]) * line(p).latency_s for p in predictions]))


@pytest.mark.parametrize("cpu_hz", [921_600_000, HIGH_CPU_HZ])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_energy_per_inference_is_least_strictly_inside_the_gpu_clocks(
    network: str, backend: str, cpu_hz: int
) -> None:
    assert 0 < thriftiest(network, backend, cpu_hz) < len(GPU_STEPS_HZ) - 1


# Where one image at a time in Caffe is launch-bound at every GPU clock, the GPU only waits at a higher one.
@pytest.mark.parametrize("network", NETWORKS)
def test_at_the_lowest_cpu_clock_the_least_energy_may_be_at_the_lowest_gpu_clock(network: str) -> None:
    assert 0 < thriftiest(network, "tensorrt", LOW_CPU_HZ) < len(GPU_STEPS_HZ) - 1
    assert (thriftiest(network, "caffe", LOW_CPU_HZ) == 0) == (network in ("googlenet", "resnet152"))


def test_memory_pressure_slows_a_memory_bound_network_and_spares_a_compute_bound_one() -> None:
    def slowdown(network: str, gpu_hz: int, pressure: float) -> float:
        pressed = line(predict(network, gpu_hz=gpu_hz, pressure_bytes_per_s=pressure)).latency_s
        return pressed / line(predict(network, gpu_hz=gpu_hz)).latency_s

    assert slowdown("alexnet", HIGH_GPU_HZ, 10e9) > 1.2
    assert slowdown("resnet152", LOW_GPU_HZ, 10e9) < 1.01


def test_two_processes_of_jpeg_slow_a_network_by_their_traffic_as_computed_by_hand() -> None:
    # A frame: 153.2e6 instructions / 1.37 per cycle / 1.734 GHz = 64.49 ms of cycles; its 153.2e6 x 7.75 / 1000
    # misses of 64 B are 75.99 MB, at 3.25 B per cycle 13.48 ms. So 974.5 MB/s of one process, 1.949 GB/s of two, of
    # a memory of 25.6 GB/s: the network's own traffic takes 1.0761 times as long.
    pressed, beside = predict(pressure_bytes_per_s=1.949e9), predict(task="jpeg", processes=2)
    assert line(beside).latency_s == pytest.approx(line(pressed).latency_s, rel=1e-4)
    # fc6 reads 37.75 million weights and does next to nothing else; two kernels' fixed times are left out of it.
    layer = int(np.argmax(MODEL.work(Inference("alexnet", "tensorrt")).kernels.traffic_bytes))
    took_s = [float(np.diff([line(p).begins_s[layer], line(p).ends_s[layer]])[0]) for p in (predict(), beside)]
    fixed_s = MODEL.constants.kernel_s
    assert (took_s[1] - fixed_s) / (took_s[0] - fixed_s) == pytest.approx(1.0761, abs=2e-4)


@settings(max_examples=100, deadline=None)
@given(questions(), lowered(), st.sampled_from((None, *UNITS)))
def test_the_rails_are_parts_of_the_whole(question: dict[str, Any], clocks: tuple[Clocks, Clocks], task: str) -> None:
    board_w, gpu_w, cpu_w = predict(**question, **clocks[0], task=task).power_w
    c = MODEL.constants
    assert c.board_w <= board_w - gpu_w - cpu_w <= c.board_w + c.emc_w + c.dram_w


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
