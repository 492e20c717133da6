from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colocate.rigs.tx1.clocks import CPU_STEPS_HZ, GPU_STEPS_HZ
from colocate.rigs.tx1.tasks import UNITS
from tests.rigs.tx1.board import (
    BACKENDS,
    HIGH_CPU_HZ,
    LOW_CPU_HZ,
    MODEL,
    NETWORKS,
    Clocks,
    line,
    lowered,
    predict,
    questions,
)


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


@settings(max_examples=100, deadline=None)
@given(questions(), lowered(), st.sampled_from((None, *UNITS)))
def test_the_rails_are_parts_of_the_whole(question: dict[str, Any], clocks: tuple[Clocks, Clocks], task: str) -> None:
    board_w, gpu_w, cpu_w = predict(**question, **clocks[0], task=task).power_w
    c = MODEL.constants
    assert c.board_w <= board_w - gpu_w - cpu_w <= c.board_w + c.emc_w + c.dram_w
