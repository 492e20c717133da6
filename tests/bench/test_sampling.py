"""What sampling power costs: the network's median with the sampler on and off, and the sampler's own use of CPU.

One worker serves short windows in turn with and without the sampler, so that whatever else happens on the machine
happens to both. Run with `pytest -m bench -s tests/bench/test_sampling.py`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.request import Inference
from colocate.power.find import Meters, find_meters
from colocate.power.sampler import Sampler
from tests.power.fakes import hwmon

pytestmark = pytest.mark.bench

TURNS = 100
WINDOW_S = 0.4


@pytest.fixture
def meters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meters]:
    """The monitors of an AGX Orin: two chips, four rails, eight files."""
    for package in ("pynvml", "jtop"):
        monkeypatch.setitem(sys.modules, package, None)
    hwmon(tmp_path, 3, {"VDD_GPU_SOC": (19000, 400), "VDD_CPU_CV": (19000, 200), "VIN_SYS_5V0": (5000, 900)})
    hwmon(tmp_path, 4, {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 80)})
    found = find_meters(tmp_path)
    assert len(found.rails) == 4
    yield found
    found.close()


@contextlib.contextmanager
def housekeeping(cpu: int) -> Iterator[None]:
    """The parent on the CPU that is not the network's, as a rig places it."""
    former = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, former)


def test_sampling_moves_the_networks_median_by_at_most_three_per_mille(meters: Meters) -> None:
    inference = Inference("alexnet", "onnxruntime-cpu")
    request = worker_request(inference, catalogue.resolve("alexnet", 1).file)
    command = [sys.executable, "-m", "colocate.worker", request.to_json()]
    cpus = sorted(os.sched_getaffinity(0))
    worker = Child("worker", command, Seat((cpus[0],)))
    windows_ns: dict[bool, list[list[int]]] = {True: [], False: []}
    try:
        worker.ready(120)
        with housekeeping(cpus[-1]):
            sampler = Sampler(meters.meters)
            for turn in range(TURNS):
                for on in (True, False)[:: 1 if turn % 2 else -1]:
                    if on:
                        sampler.start()
                    worker.go()
                    time.sleep(0.05)
                    worker.go()
                    time.sleep(WINDOW_S)
                    windows_ns[on].append(worker.stop(60)["latencies_ns"])
                    if on:
                        assert all(len(samples.t_ns) > 5 for samples in sampler.stop())
    finally:
        worker.close()

    def p50_ns(windows: list[list[int]]) -> float:
        return float(np.median(np.concatenate(windows)))

    off_ns, ratio = p50_ns(windows_ns[False]), p50_ns(windows_ns[True]) / p50_ns(windows_ns[False])
    # The windows without it against one another, every other one: what the machine does by itself.
    control = p50_ns(windows_ns[False][::2]) / p50_ns(windows_ns[False][1::2])
    print(f"\np50 {off_ns / 1e6:.3f} ms without the sampler, with it over without {ratio:.4f}, control {control:.4f}")
    assert ratio <= 1.003


def test_sampling_uses_at_most_one_percent_of_a_cpu(meters: Meters) -> None:
    sampler = Sampler(meters.meters)
    shares: dict[bool, list[float]] = {True: [], False: []}
    with housekeeping(max(os.sched_getaffinity(0))):
        for turn in range(20):
            on = turn % 2 == 0
            if on:
                sampler.start()
            used_s, began_s = time.process_time(), time.monotonic()
            time.sleep(1.0)
            shares[on].append((time.process_time() - used_s) / (time.monotonic() - began_s))
            if on:
                n = [len(samples.t_ns) for samples in sampler.stop()]
    share = float(np.median(shares[True]) - np.median(shares[False]))
    print(f"\nsampler: {100 * share:.2f} % of one CPU, {n} readings of each chip in the last second")
    assert share <= 0.01
