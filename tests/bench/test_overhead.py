"""What measuring costs: the worker against a bare loop, and the parent's own use of CPU.

Two processes on the same CPU, one idle while the other serves, take turns window by window, so that whatever
else happens on the machine happens to both. Run with `pytest -m bench -s tests/bench/test_overhead.py`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.request import Inference
from colocate.request.spec import make_spec
from colocate.rigs.host.monitor import Monitor
from colocate.rigs.registry import make_rig
from colocate.study.plan import plan

pytestmark = pytest.mark.bench

TURNS = 60
WINDOW_S = 0.4

# As little as can stand around an inference and still time it; otherwise the worker's own settings.
BARE = """
import gc, os, sys, time
from colocate.worker.backends.onnxruntime_cpu import OnnxRuntimeCpu
from colocate.worker.request import from_json
from cpu_workloads.contract import Control, serve
backend = OnnxRuntimeCpu(from_json(sys.argv[1]))
session, binding = backend._session, backend._binding
session.run_with_iobinding(binding)
gc.disable()
def measure(control):
    ends = [time.perf_counter_ns()]
    while not control.pending():
        session.run_with_iobinding(binding)
        ends.append(time.perf_counter_ns())
    return {"latencies_ns": [b - a for a, b in zip(ends, ends[1:])]}
serve(Control(), measure, {})
"""


def small_network(path: Path) -> Path:
    """One convolution that takes about a millisecond on one core."""
    weights = np.random.default_rng(0).standard_normal((32, 32, 3, 3), dtype=np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])
    shape = [1, 32, 64, 64]
    graph = helper.make_graph(
        [node],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def latencies_ns(child: Child, window_s: float) -> list[int]:
    child.go()
    time.sleep(0.1)
    child.go()
    time.sleep(window_s)
    found: list[int] = child.stop(60)["latencies_ns"]
    return found


@pytest.mark.parametrize("network", ["alexnet", "small"])
def test_the_worker_adds_at_most_one_percent(network: str, tmp_path: Path) -> None:
    name = str(small_network(tmp_path / "small.onnx")) if network == "small" else network
    inference = Inference(name, "onnxruntime-cpu")
    request = worker_request(inference, catalogue.resolve(name, 1).file).to_json()
    seat = Seat((min(os.sched_getaffinity(0)),))
    worker = Child("worker", [sys.executable, "-m", "colocate.worker", request], seat)
    bare = Child("bare", [sys.executable, "-c", BARE, request], seat)
    try:
        worker.ready(120)
        bare.ready(120)
        ours: list[int] = []
        theirs: list[int] = []
        for turn in range(TURNS):
            for child, into in ((worker, ours), (bare, theirs))[:: 1 if turn % 2 else -1]:
                into += latencies_ns(child, WINDOW_S)
    finally:
        worker.close()
        bare.close()
    bare_ns, worker_ns = np.median(theirs), np.median(ours)
    print(f"\n{network}: p50 {bare_ns / 1e6:.3f} ms bare, worker over bare {worker_ns / bare_ns:.4f} (n {len(ours)})")
    assert worker_ns / bare_ns <= 1.01


def test_the_parent_uses_at_most_two_percent_of_a_core_inside_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []
    window = Monitor.window

    def measured(self: Monitor, window_s: float, cpus: Sequence[int]) -> None:
        used_s, began_s = time.process_time(), time.monotonic()
        window(self, window_s, cpus)
        shares.append((time.process_time() - used_s) / (time.monotonic() - began_s))

    monkeypatch.setattr(Monitor, "window", measured)
    study = {"networks": ["alexnet"], "stressors": ["bitcount"], "design": "steady", "repeats": 2, "window": 3.0}
    spec = make_spec(study)
    rig = make_rig("host")
    trials = plan(spec, rig.facts())
    with rig.opened(trials):
        for trial in trials:
            rig.run(trial)
    print(f"\nparent: {100 * max(shares):.2f} % of a core at the most, over {len(shares)} windows")
    assert max(shares) <= 0.02
