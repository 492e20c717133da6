from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper

from colocate.errors import SpecError
from colocate.inference.networks import catalogue, half_precision

pytestmark = pytest.mark.usefixtures("kept")


def saved(path: Path, op: str = "Gemm") -> Path:
    weights = np.random.default_rng(0).standard_normal((16, 8), dtype=np.float32)
    inputs = ["x", "w"]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 8])],
        [helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_weights_are_halved_and_input_and_output_stay(tmp_path: Path) -> None:
    path = saved(tmp_path / "own.onnx")
    whole, half = catalogue.resolve(str(path), 2), catalogue.resolve(str(path), 2, "fp16")
    assert half.path != whole.path
    assert (half.sha256, half.inputs, half.macs) == (whole.sha256, whole.inputs, whole.macs)
    model = onnx.load(half.path)
    assert {weight.data_type for weight in model.graph.initializer} == {TensorProto.FLOAT16}
    x = np.random.default_rng(1).standard_normal((2, 16), dtype=np.float32)
    answers = [
        ort.InferenceSession(str(each.path), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
        for each in (whole, half)
    ]
    assert answers[1].dtype == np.float32
    # Eleven bits of mantissa, over sums of sixteen.
    assert np.linalg.norm(answers[1] - answers[0]) / np.linalg.norm(answers[0]) < 5e-3
    assert not np.array_equal(*answers)


def test_the_conversion_is_kept(tmp_path: Path) -> None:
    path = saved(tmp_path / "own.onnx")
    first = catalogue.resolve(str(path), 2, "fp16").path
    before = first.stat().st_mtime_ns
    assert catalogue.resolve(str(path), 2, "fp16").path == first
    assert first.stat().st_mtime_ns == before


def test_the_runtime_that_it_comes_with_is_loaded_in_a_child_alone(tmp_path: Path) -> None:
    """A process that forks must not have its threads."""
    code = """
import sys
from colocate.inference.networks import catalogue
print(catalogue.resolve(sys.argv[1], 2, "fp16").path, "onnxruntime" in sys.modules)
"""
    path = saved(tmp_path / "own.onnx")
    done = subprocess.run(
        [sys.executable, "-c", code, path], check=True, capture_output=True, text=True, env=os.environ.copy()
    )
    assert done.stdout.split()[0].endswith(".onnx") and done.stdout.split()[1] == "False"


def test_what_cannot_be_converted_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(model: onnx.ModelProto, **_: bool) -> onnx.ModelProto:
        raise ValueError("it is too wide\nand more")

    monkeypatch.setattr(half_precision, "convert_float_to_float16", refuse)
    with pytest.raises(SpecError, match=r"own\.onnx cannot be converted to fp16: it is too wide$"):
        half_precision.halved(saved(tmp_path / "own.onnx"))
