from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from colocate.worker.backend import Backend
from colocate.worker.backends.onnxruntime_cpu import OnnxRuntimeCpu
from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, Request, TensorSpec
from tests.small import small_network

TARGET = "colocate.worker.backends.onnxruntime_cpu:OnnxRuntimeCpu"


@pytest.fixture
def wanted(tmp_path: Path) -> Request:
    """The small network."""
    return Request(TARGET, "small", batch=2, file=small_network(tmp_path).file)


def output(runtime: OnnxRuntimeCpu) -> npt.NDArray[Any]:
    (array,) = runtime._binding.copy_outputs_to_cpu()
    return np.asarray(array)


def test_an_inference_reads_the_seeded_input(wanted: Request) -> None:
    session = ort.InferenceSession(str(wanted.loaded.path), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, input_arrays(wanted.loaded))
    runtime = OnnxRuntimeCpu(wanted)
    for _ in range(2):
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected, rtol=1e-5)


def test_its_device_is_the_host(wanted: Request) -> None:
    runtime: Backend = OnnxRuntimeCpu(wanted)
    runtime.infer()
    assert runtime.device_s() is None


def test_every_input_is_bound(tmp_path: Path) -> None:
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in ("left", "right")]
    outputs = [helper.make_tensor_value_info("sum", TensorProto.FLOAT, [2, 3])]
    graph = helper.make_graph([helper.make_node("Add", ["left", "right"], ["sum"])], "g", inputs, outputs)
    path = tmp_path / "sum.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    file = NetworkFile("sum", path, "", tuple(TensorSpec(name, (2, 3), "float32") for name in ("left", "right")))
    runtime = OnnxRuntimeCpu(Request(TARGET, "sum", file=file))
    runtime.infer()
    fed = input_arrays(file)
    np.testing.assert_array_equal(output(runtime), fed["left"] + fed["right"])


def test_it_has_a_thread_for_each_cpu_of_its_seat(wanted: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    facts = OnnxRuntimeCpu(wanted).facts()
    assert facts == {"runtime": ort.__version__, "provider": "CPUExecutionProvider", "threads": 3}
    assert json.loads(json.dumps(facts)) == facts


def test_a_profile_has_the_steps_of_a_session_of_its_own(wanted: Request) -> None:
    runtime = OnnxRuntimeCpu(wanted)
    steps = runtime.profile(4)
    assert {"Conv", "MatMul"} <= {step.kind for step in steps}
    assert all(step.time_s > 0 for step in steps)
    runtime.infer()
    assert not list(wanted.loaded.path.parent.glob("*.json")), "the trace is gone"


def test_a_file_that_is_damaged_is_refused_in_one_line(wanted: Request) -> None:
    wanted.loaded.path.write_bytes(b"no network")
    with pytest.raises(WorkerError, match="onnxruntime cannot load"):
        OnnxRuntimeCpu(wanted)


def test_a_profile_of_what_cannot_run_says_what_it_was_fed(tmp_path: Path) -> None:
    """It reads rows of a table that has fewer, which loading does not show."""
    nodes = [helper.make_node("Gather", ["table", "x"], ["y"])]
    table = helper.make_tensor("table", TensorProto.FLOAT, [2, 3], [0.0] * 6)
    x = helper.make_tensor_value_info("x", TensorProto.INT64, [4])
    graph = helper.make_graph(
        nodes, "g", [x], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 3])], [table]
    )
    path = tmp_path / "rows.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    file = NetworkFile("rows", path, "", (TensorSpec("x", (4,), "int64", constant=9),))
    with pytest.raises(WorkerError, match="rows cannot run, fed x="):
        OnnxRuntimeCpu(Request(TARGET, "rows", file=file)).profile(2)
