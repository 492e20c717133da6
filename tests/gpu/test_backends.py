"""Every runtime on a GPU that works on this machine; each that does not is skipped, with what is missing.

Each test has a process of its own: how a thread waits is settled once in a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import psutil
import pytest
from onnx import TensorProto, helper

from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child
from colocate.inference.backends import availability
from colocate.inference.backends.registry import BACKENDS, worker_request
from colocate.inference.networks.network import Network
from colocate.inference.onnx import graph as graph_of
from colocate.inference.onnx.subgraphs import subgraphs
from colocate.model.request import Inference
from colocate.worker.inputs import input_arrays
from colocate.worker.request import TensorSpec
from tests.small import small_network

READY_S = 600.0
# TF32 and FP16 keep 11 bits of each factor: about 2 ** -11 of an output, times a few for the largest of ten.
TOLERANCE = 0.01
ON_GPU = [name for name, runtime in BACKENDS.items() if runtime.on_gpu]
OF_FILES = [name for name in ON_GPU if BACKENDS[name].own_networks is None]

# What a backend says of itself, and the first output of its second inference.
ONCE = """
import json, sys
from colocate.worker.backend import load
from colocate.worker.errors import WorkerError
from colocate.worker.request import from_json
request = from_json(sys.argv[1])
try:
    backend = load(request)
    backend.infer()
    backend.infer()
except WorkerError as error:
    sys.exit(str(error))
output = next(iter(backend.outputs.values())) if hasattr(backend, "outputs") else backend._copies_out[0]()
print(json.dumps({"facts": dict(backend.facts()), "output": output.ravel().tolist()}))
"""


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache for this session: engines are built once in it, and none is taken from before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def works_here(name: str) -> str:
    missing = availability.look().missing.get(name)
    if missing is not None:
        pytest.skip(f"{name}: {missing.reason}")
    return name


@pytest.fixture(params=ON_GPU)
def backend(request: pytest.FixtureRequest) -> str:
    return works_here(request.param)


@pytest.fixture(params=OF_FILES)
def runtime(request: pytest.FixtureRequest) -> str:
    return works_here(request.param)


def requested(inference: Inference, network: Network | None) -> str:
    return worker_request(inference, None if network is None else network.file).to_json()


def once(inference: Inference, network: Network, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ONCE, requested(inference, network)],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=READY_S, check=False,
    )  # fmt: skip


def answered(done: subprocess.CompletedProcess[str]) -> Mapping[str, Any]:
    assert done.returncode == 0, done.stderr
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer


def on_the_cpu(network: Network) -> npt.NDArray[np.float32]:
    session = ort.InferenceSession(str(network.path), providers=["CPUExecutionProvider"])
    output: npt.NDArray[np.float32] = session.run(None, input_arrays(network.file))[0]
    return output.ravel()


def served(inference: Inference, network: Network | None, window_s: float = 0.5) -> Mapping[str, Any]:
    """One window of the real worker, after one that is thrown away, its facts, and how often it gave its CPU up."""
    command = [sys.executable, "-m", "colocate.worker", requested(inference, network)]
    child = Child(inference.backend, command, Seat(tuple(sorted(os.sched_getaffinity(0)))))
    try:
        facts = child.ready(READY_S)
        for _ in range(2):
            voluntary = psutil.Process(child.pid).num_ctx_switches().voluntary
            child.go()
            time.sleep(window_s)
        gave_up = psutil.Process(child.pid).num_ctx_switches().voluntary - voluntary
        return {**child.stop(60), **facts, "gave_up": gave_up}
    finally:
        child.close()


@pytest.mark.parametrize("graph", [False, True], ids=["kernels", "graph"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_outputs_agree_with_the_cpus(tmp_path: Path, runtime: str, precision: str, graph: bool) -> None:
    inference = Inference("small", runtime, precision, batch=2, graph=graph)
    answer = answered(once(inference, small_network(tmp_path, precision)))
    expected = on_the_cpu(small_network(tmp_path))
    assert np.abs(np.array(answer["output"]) - expected).max() < TOLERANCE * np.abs(expected).max()
    assert answer["facts"]["graph"] is graph


@pytest.mark.parametrize("graph", [False, True], ids=["kernels", "graph"])
def test_subgraphs_and_the_launch_overhead_run(tmp_path: Path, runtime: str, graph: bool) -> None:
    """What `layers` runs: layers whose input is on the GPU already, and the network's ends with nothing between."""
    network = small_network(tmp_path)
    layers = [layer.name for layer in graph_of.layers(network.path)]
    for subgraph in subgraphs(network, [layers[:1], ()], tmp_path):
        report = served(Inference(str(subgraph.path), runtime, graph=graph), subgraph)
        assert report["latencies_ns"], subgraph.name


def test_what_an_inference_waits_for_is_done(tmp_path: Path, runtime: str) -> None:
    inference = Inference("small", runtime, batch=2, wait="block")
    network = small_network(tmp_path)
    answer = answered(once(inference, network))
    expected = on_the_cpu(network)
    assert np.abs(np.array(answer["output"]) - expected).max() < TOLERANCE * np.abs(expected).max()
    assert answer["facts"]["wait"] == "block"


def test_a_thread_that_blocks_leaves_its_cpu_to_others() -> None:
    """It gives the CPU up for each inference; one that spins loses it to others, but never gives it up."""
    network = works_here("bandwidth")
    gave_up = {}
    for wait in ("spin", "block"):
        report = served(Inference(network, "bandwidth", wait=wait), None)
        gave_up[wait] = report["gave_up"] / len(report["latencies_ns"])
    assert gave_up["spin"] < 0.1 < 0.5 < gave_up["block"]


@pytest.mark.parametrize("graph", [False, True], ids=["kernels", "graph"])
def test_a_worker_serves_it(tmp_path: Path, backend: str, graph: bool) -> None:
    network = small_network(tmp_path) if backend in OF_FILES else None
    if network is None and graph:
        pytest.skip(f"{backend} is one kernel and has no graph")
    report = served(Inference("small" if network else backend, backend, batch=2, graph=graph), network)
    assert report["runtime"]["graph"] is graph
    assert report["latencies_ns"]
    if report["devices_s"]:
        assert len(report["devices_s"]) == len(report["latencies_ns"])
        assert 0 < np.median(report["devices_s"]) < np.median(report["latencies_ns"]) * 1e-9


def test_the_gpu_or_nothing(tmp_path: Path, runtime: str) -> None:
    done = once(Inference("small", runtime, batch=2), small_network(tmp_path), CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 1
    assert "there is no NVIDIA GPU" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_operator_that_only_the_cpu_has_is_an_error(tmp_path: Path) -> None:
    runtime = works_here("onnxruntime-cuda")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
    graph = helper.make_graph([helper.make_node("Det", ["x"], ["y"])], "det", [x], [y])
    path = tmp_path / "det.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    network = Network("det", path, "0" * 64, (TensorSpec("x", (2, 4, 4), "float32"),), 0, None)
    assert on_the_cpu(network).shape == (2,)
    done = once(Inference("det", runtime, batch=2), network)
    assert done.returncode == 1
    assert "assigned to the default CPU EP" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_is_kept(tmp_path: Path) -> None:
    inference = Inference("small", works_here("tensorrt"), batch=2)
    engines = {answered(once(inference, small_network(tmp_path)))["facts"]["engine"] for _ in range(2)}
    assert len(engines) == 1


def test_the_probe_found_a_gpu(backend: str) -> None:
    assert availability.look().found[backend]
