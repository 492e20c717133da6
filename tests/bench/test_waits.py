"""What reading the waits costs the network: its median while this process reads them at every switch of a short
segment, and while it sleeps as long instead.

One worker serves short windows in turn with and without, so that whatever else happens on the machine happens to
both. Run with `pytest -m bench -s tests/bench/test_waits.py`.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.request import Inference
from colocate.rigs.host.waits import WaitGauge, wait_gauge
from colocate.study.alternation import SEGMENT_MIN_S
from tests.bench.test_alternation import ahead_of_others
from tests.bench.test_overhead import small_network
from tests.rigs.host.trials import CPUS

pytestmark = pytest.mark.bench

TURNS, WINDOW_S = 100, 0.4


def median_ns(worker: Child, gauge: WaitGauge) -> float:
    """Of one window in which the gauge is read twice at each switch."""
    worker.go()
    time.sleep(0.1)
    worker.go()
    end_s = time.monotonic() + WINDOW_S
    while time.monotonic() < end_s:
        before = gauge.read()
        time.sleep(SEGMENT_MIN_S)
        gauge.between(before, gauge.read())
    return float(np.median(worker.stop(60)["latencies_ns"]))


def test_reading_waits_slows_the_network_by_less_than_half_a_percent(tmp_path: Path) -> None:
    inference = Inference(str(small_network(tmp_path / "small.onnx")), "onnxruntime-cpu")
    request = worker_request(inference, catalogue.resolve(inference.network, 1).file).to_json()
    with ahead_of_others(), contextlib.ExitStack() as stack:
        worker = Child("worker", [sys.executable, "-m", "colocate.worker", request], Seat(CPUS[:1]))
        try:
            worker.ready(120)
            reading, nothing = stack.enter_context(wait_gauge([worker], [], pipeline=False)), WaitGauge()
            began_s = time.perf_counter()
            for _ in range(1000):
                reading.read()
            took_s = (time.perf_counter() - began_s) / 1000
            ratios = []
            for turn in range(TURNS):
                pair = [median_ns(worker, gauge) for gauge in (nothing, reading)[:: 1 if turn % 2 else -1]]
                off, on = pair if turn % 2 else reversed(pair)
                ratios.append(on / off)
        finally:
            worker.close()
    print(f"\nwaits read over not read: {np.median(ratios):.4f}; a reading takes {1e6 * took_s:.0f} us")
    assert np.median(ratios) <= 1.005
