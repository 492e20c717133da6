"""What measuring costs on an NVIDIA GPU, and whether its energy counter tells the truth.

Each comparison takes turns inside one run. Run with `pytest -m bench -s tests/bench/test_gpu.py` on a machine with
a GPU; nothing is set on it.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends import availability
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.request import Inference
from colocate.power.find import find_meters
from colocate.power.sampler import Sampler
from colocate.power.trace import power_trace
from colocate.study.stats import integrate

BACKEND = "onnxruntime-cuda"
MISSING = availability.look().missing.get(BACKEND)
pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(MISSING is not None, reason=MISSING.reason if MISSING else ""),
]

# One session, served in turn by the worker's own loop and by as little as can stand around an inference.
TURNS = """
import gc, sys, time
from colocate.worker.backend import load
from colocate.worker.loop import measure
from colocate.worker.request import from_json
from cpu_workloads.contract import Control, serve
backend = load(from_json(sys.argv[1]))
session, binding = backend._session, backend._binding
((given, source),) = backend._copies_in
(read,) = backend._copies_out
for _ in range(20):
    backend.infer()
gc.freeze()
gc.disable()
def bare(control):
    moments = [time.perf_counter_ns()]
    while not control.pending():
        given.update_inplace(source)
        session.run_with_iobinding(binding)
        read()
        moments.append(time.perf_counter_ns())
    return {"latencies_ns": [b - a for a, b in zip(moments, moments[1:])]}
turn = 0
def either(control):
    global turn
    turn += 1
    return measure(backend, control) if turn % 2 else bare(control)
serve(Control(), either, {})
"""


def requested(inference: Inference) -> str:
    network = catalogue.resolve(inference.network, inference.batch, inference.precision)
    return worker_request(inference, network.file).to_json()


def window_ns(child: Child, window_s: float) -> list[int]:
    child.go()
    time.sleep(window_s)
    found: list[int] = child.stop(60)["latencies_ns"]
    return found[len(found) // 10 :]


@pytest.mark.parametrize(("network", "graph", "bound"), [("alexnet", True, 1.02), ("resnet152", False, 1.005)])
def test_the_worker_adds_next_to_nothing(network: str, graph: bool, bound: float) -> None:
    request = requested(Inference(network, BACKEND, graph=graph))
    child = Child("turns", [sys.executable, "-c", TURNS, request], Seat((min(os.sched_getaffinity(0)),)))
    ours: list[int] = []
    theirs: list[int] = []
    try:
        child.ready(300)
        for turn in range(60):
            (theirs if turn % 2 else ours).extend(window_ns(child, 0.4))
    finally:
        child.close()
    ratio = float(np.median(ours) / np.median(theirs))
    print(f"\n{network}: {np.median(theirs) / 1e6:.4f} ms bare, worker over bare {ratio:.4f} (n {len(ours)})")
    assert ratio <= bound


@pytest.mark.parametrize(("network", "graph"), [("alexnet", True), ("resnet152", False)])
def test_the_machines_own_meters_do_not_disturb(network: str, graph: bool) -> None:
    cpus = sorted(os.sched_getaffinity(0))
    request = requested(Inference(network, BACKEND, graph=graph))
    command = [sys.executable, "-m", "colocate.worker", request]
    worker, meters = Child("worker", command, Seat((cpus[0],))), find_meters()
    windows: dict[bool, list[list[int]]] = {True: [], False: []}
    os.sched_setaffinity(0, {cpus[-1]})
    try:
        worker.ready(300)
        sampler = Sampler(meters.meters)
        for turn in range(30):
            for on in (True, False)[:: 1 if turn % 2 else -1]:
                if on:
                    sampler.start()
                    time.sleep(sampler.lead_s)
                windows[on].append(window_ns(worker, 0.5))
                if on:
                    sampler.stop()
    finally:
        os.sched_setaffinity(0, cpus)
        worker.close()
        meters.close()

    def p50(some: list[list[int]]) -> float:
        return float(np.median(np.concatenate(some)))

    ratio, control = p50(windows[True]) / p50(windows[False]), p50(windows[False][::2]) / p50(windows[False][1::2])
    print(f"\n{network}: sampled over not {ratio:.4f}, not over not {control:.4f}")
    assert ratio <= 1.005


def test_the_energy_counter_agrees_with_integrated_power() -> None:
    nvml = pytest.importorskip("pynvml")
    nvml.nvmlInit()
    handle = nvml.nvmlDeviceGetHandleByIndex(0)
    worker = Child(
        "worker",
        [sys.executable, "-m", "colocate.worker", requested(Inference("resnet152", BACKEND))],
        Seat((min(os.sched_getaffinity(0)),)),
    )
    meters = find_meters()
    ratios = []
    try:
        worker.ready(300)
        for _ in range(3):
            worker.go()
            sampler = Sampler(meters.meters)
            sampler.start()
            time.sleep(max(1.0, sampler.lead_s))
            begin_ns = time.monotonic_ns()
            moments_s, watts = [], []
            while time.monotonic_ns() < begin_ns + 10_000_000_000:
                (reading,) = nvml.nvmlDeviceGetFieldValues(handle, [nvml.NVML_FI_DEV_POWER_INSTANT])
                moments_s.append((time.monotonic_ns() - begin_ns) / 1e9)
                watts.append(reading.value.uiVal / 1e3)
                time.sleep(0.02)
            end_ns = time.monotonic_ns()
            samples = sampler.stop()
            worker.stop(60)
            trace, warnings = power_trace(samples, begin_ns, end_ns, under_load=True)
            assert trace is not None and not warnings
            counted = integrate(trace.t_s, trace.power_w, 0.0, (end_ns - begin_ns) / 1e9)[0]
            integrated = integrate(np.array(moments_s), np.array(watts), 0.0, (end_ns - begin_ns) / 1e9)
            ratios.append(float(counted / integrated))
    finally:
        worker.close()
        meters.close()
    print(f"\nenergy: counter over integrated power {', '.join(f'{ratio:.4f}' for ratio in ratios)}")
    assert all(0.95 <= ratio <= 1.05 for ratio in ratios)
