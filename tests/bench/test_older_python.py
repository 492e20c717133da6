"""The worker under Debian 11's Python 3.9 and numpy 1.19 against the worker under this Python.

Both have the same ONNX Runtime. The two processes take turns window by window on the same CPU, one idle while the
other serves, and with a high weight for the bench alone nobody else counts. Needs root and the cpu controller of
cgroup v1. Run with
`COLOCATE_ROOTS=FOLDER pytest -m bench -s tests/bench/test_older_python.py`.
"""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends.registry import worker_request
from colocate.inference.networks import catalogue
from colocate.model.request import Inference
from colocate.worker import start
from tests.bench.test_alternation import ahead_of_others, described
from tests.bench.test_overhead import latencies_ns, small_network
from tests.debian.older_worker import RUNTIME, worker_python
from tests.debian.root import BULLSEYE, checked, missing

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif((reason := missing(BULLSEYE)) is not None, reason=str(reason)),
]

TURNS = 100
WINDOW_S = 0.4


@pytest.fixture(scope="module")
def same_runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ONNX Runtime of that version for this Python."""
    folder = tmp_path_factory.mktemp("runtime")
    checked([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder),
             f"onnxruntime=={RUNTIME}"])  # fmt: skip
    return folder


@pytest.mark.parametrize("network", ["alexnet", "squeezenet1_1", "small"])
def test_an_older_python_costs_at_most_one_percent(network: str, same_runtime: Path, tmp_path: Path) -> None:
    name = str(small_network(tmp_path / "small.onnx")) if network == "small" else network
    request = worker_request(Inference(name, "onnxruntime-cpu"), catalogue.resolve(name, 1).file).to_json()
    served = [str(start.__file__), "colocate.worker", request]
    seat = Seat((min(os.sched_getaffinity(0)),))
    logs = []
    with ahead_of_others():
        older = Child("older", [str(worker_python()), *served], seat)
        own = Child("own", ["env", f"PYTHONPATH={same_runtime}", sys.executable, *served], seat)
        try:
            runtimes = [child.ready(120)["runtime"] for child in (older, own)]
            for turn in range(TURNS):
                order = (older, own)[:: 1 if turn % 2 else -1]
                p50_ns = {child.name: float(np.median(latencies_ns(child, WINDOW_S))) for child in order}
                logs.append(math.log(p50_ns["older"] / p50_ns["own"]))
        finally:
            older.close()
            own.close()
    assert [runtime["runtime"] for runtime in runtimes] == [RUNTIME, RUNTIME]
    ratio, half = described(logs)
    under = " over ".join(str(runtime["python"]) for runtime in runtimes)
    print(f"\n{network}: p50 under Python {under}: {ratio:.4f} +- {half:.4f}")
    assert ratio - half <= 1.01
