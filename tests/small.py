"""A network of two layers in a file, which takes a millisecond to build and to run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from colocate.inference.networks import half_precision
from colocate.inference.networks.network import Network
from colocate.worker.request import TensorSpec


def small_network(folder: Path, precision: str = "fp32") -> Network:
    """A convolution, a rectifier and a matrix product: 2 x 3 x 8 x 8 in, 2 x 5 out; weights of a fixed seed."""
    rng = np.random.default_rng(0)
    kernel = numpy_helper.from_array(rng.standard_normal((4, 3, 3, 3), dtype=np.float32) / 5, "kernel")
    weights = numpy_helper.from_array(rng.standard_normal((144, 5), dtype=np.float32) / 12, "weights")
    nodes = [
        helper.make_node("Conv", ["data", "kernel"], ["map"]),
        helper.make_node("Relu", ["map"], ["positive"]),
        helper.make_node("Flatten", ["positive"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    data = helper.make_tensor_value_info("data", TensorProto.FLOAT, [2, 3, 8, 8])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [2, 5])
    graph = helper.make_graph(nodes, "small", [data], [scores], [kernel, weights])
    path = folder / "small.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    if precision == "fp16":
        content = half_precision.halved(path)
        path = folder / "small-fp16.onnx"
        path.write_bytes(content)
    return Network("small", path, "0" * 64, (TensorSpec("data", (2, 3, 8, 8), "float32"),), 0, None)
