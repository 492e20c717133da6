"""A network measured through its program's own marks against colocate's own loop over the same file.

Two processes on the same CPU take turns window by window: the worker is idle while it does not serve, and the program
is stopped meanwhile, as it would run on. Run with `pytest -m bench -s tests/bench/test_pipeline.py`.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import psutil
import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child, launcher
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.request import Inference
from colocate.worker.pipeline import PipelineRequest

pytestmark = pytest.mark.bench

TURNS = 40
WINDOW_S = 0.5
NETWORK = "squeezenet1_1"
# What a user would write, with the settings of colocate's own worker; {report} is around or behind an inference.
LOOP = """
import sys, time
import numpy as np, onnxruntime
from colocate import marks
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
(wanted,) = session.get_inputs()
data = {wanted.name: np.random.default_rng(0).standard_normal(wanted.shape, dtype=np.float32)}
"""
MARKS = """
while True:
    with marks.inference():
        session.run(None, data)
"""
LINES = """
while True:
    begin_s = time.monotonic()
    session.run(None, data)
    print(f"infer: {1e3 * (time.monotonic() - begin_s):.4f} ms")
"""


def latencies_ns(child: Child) -> list[int]:
    child.go()
    time.sleep(0.1)
    child.go()
    time.sleep(WINDOW_S)
    found: list[int] = child.stop(60)["latencies_ns"]
    return found


@pytest.mark.parametrize(("loop", "latency"), [(MARKS, None), (LINES, "infer: ([0-9.]+) ms")], ids=["marks", "lines"])
def test_a_program_has_the_latency_of_colocates_own_loop(loop: str, latency: str | None) -> None:
    inference_cpu, other_cpu = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    seat, file = Seat((inference_cpu,)), catalogue.resolve(NETWORK, 1).file
    request = worker_request(Inference(NETWORK, "onnxruntime-cpu"), file).to_json()
    argv = (sys.executable, "-c", LOOP + loop, str(file.path))
    asked = PipelineRequest(argv, latency, launcher=tuple(launcher(seat))).to_json()
    worker = Child("worker", [sys.executable, "-m", "colocate.worker", request], seat)
    pipeline = Child("pipeline", [sys.executable, "-m", "colocate.worker.pipeline", asked], Seat((other_cpu,)))
    try:
        worker.ready(120)
        pipeline.ready(120)
        (program,) = psutil.Process(pipeline.pid).children()
        ours: list[list[int]] = []
        theirs: list[list[int]] = []
        for turn in range(TURNS):
            for child, into in ((worker, ours), (pipeline, theirs))[:: 1 if turn % 2 else -1]:
                program.resume() if child is pipeline else program.suspend()
                into.append(latencies_ns(child))
        program.resume()
    finally:
        worker.close()
        pipeline.close()
    # Turn by turn: what else the machine does changes from one to the next.
    ratio = np.median([np.median(b) / np.median(a) for a, b in zip(ours, theirs, strict=True)])
    own_ns, programs_ns = (np.median(np.concatenate(each)) for each in (ours, theirs))
    print(
        f"\n{NETWORK}: p50 {own_ns / 1e6:.3f} ms in colocate's loop; the program's over that: {ratio:.4f}, median of "
        f"{TURNS} turns ({programs_ns / own_ns:.4f} over all, n {sum(map(len, theirs))})"
    )
    assert abs(ratio - 1) <= 0.02
