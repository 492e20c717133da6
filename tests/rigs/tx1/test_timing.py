from __future__ import annotations

import numpy as np
import pytest

from colocate.rigs.tx1.clocks import GPU_STEPS_HZ
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.timing import timeline
from tests.rigs.tx1.board import LOW_CPU_HZ, line, predict

C = Constants()


def test_the_unrolled_recurrence_is_the_recurrence() -> None:
    running_s = np.random.default_rng(1).exponential(1e-4, 300)
    found = timeline(running_s, 1e6, 5e8, 1.0, C)
    free_s = 0.0
    for i, duration_s in enumerate(running_s):
        launched_s = 1e6 / 5e8 + (i + 1) * C.launch_cycles / 5e8
        free_s = max(launched_s, free_s) + duration_s
        assert found.ends_s[i] == pytest.approx(free_s)


@pytest.mark.parametrize("gpu_hz", GPU_STEPS_HZ)
def test_resnet_in_caffe_is_launch_bound_at_the_lowest_cpu_clock(gpu_hz: int) -> None:
    slow = line(predict("resnet152", "caffe", cpu_hz=LOW_CPU_HZ, gpu_hz=gpu_hz))
    assert slow.launch_bound
    assert slow.latency_s >= slow.host_s
    assert not line(predict("resnet152", "caffe", gpu_hz=gpu_hz)).launch_bound
