from __future__ import annotations

import numpy as np
import pytest

from colocate.model.request import Inference
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.tasks import UNITS, task
from cpu_workloads.registry import STRESSORS
from tests.rigs.tx1.board import MODEL, line, predict


def test_tasks_are_stressors() -> None:
    assert set(UNITS) <= set(STRESSORS)
    assert all(task(name, Constants()).cycles_per_unit > 0 for name in UNITS)


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
