"""What must hold at every clock, whatever the constants are."""

from __future__ import annotations

import numpy as np
import pytest

from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from tests.rigs.tx1.board import BACKENDS, HIGH_GPU_HZ, LOW_CPU_HZ, LOW_GPU_HZ, NETWORKS, line, predict

# Sums of thousands of kernels differ in the last digits where nothing else does.
ROUNDING_S = 1e-12
TASKS = (None, "bitcount", "stringsearch")


def latencies_s(network: str, backend: str, task: str | None, pressure: float = 0.0) -> np.ndarray:
    """One row per CPU step, one column per GPU step."""

    def latency_s(cpu_hz: int, gpu_hz: int) -> float:
        setting = predict(network, backend, cpu_hz=cpu_hz, gpu_hz=gpu_hz, task=task, pressure_bytes_per_s=pressure)
        return line(setting).latency_s

    return np.array([[latency_s(cpu_hz, gpu_hz) for gpu_hz in GPU_STEPS_HZ] for cpu_hz in CPU_STEPS_HZ])


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_latency_never_falls_when_a_clock_is_lowered(network: str, backend: str, task: str | None) -> None:
    latency_s = latencies_s(network, backend, task)
    assert (np.diff(latency_s, axis=0) <= ROUNDING_S).all()
    assert (np.diff(latency_s, axis=1) <= ROUNDING_S).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_latency_never_falls_when_a_clock_is_lowered_under_the_same_memory_pressure(network: str) -> None:
    latency_s = latencies_s(network, "tensorrt", None, pressure=3e9)
    assert (np.diff(latency_s, axis=0) <= ROUNDING_S).all()
    assert (np.diff(latency_s, axis=1) <= ROUNDING_S).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_slower_cpu_may_win_back_what_its_slower_memory_task_took_but_no_more(network: str, backend: str) -> None:
    beside, alone = latencies_s(network, backend, "jpeg"), latencies_s(network, backend, None)
    assert (beside >= alone - ROUNDING_S).all()
    assert (np.diff(beside, axis=1) <= ROUNDING_S).all()
    won_back = np.diff(beside, axis=0).clip(min=0)
    assert (won_back <= (beside - alone)[1:] + ROUNDING_S).all()


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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("network", NETWORKS)
def test_energy_per_inference_is_least_strictly_inside_the_gpu_clocks(network: str, backend: str) -> None:
    predictions = [predict(network, backend, gpu_hz=hz) for hz in GPU_STEPS_HZ]
    energy_j = [float(p.power_w[0]) * line(p).latency_s for p in predictions]
    assert 0 < int(np.argmin(energy_j)) < len(energy_j) - 1


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
