"""Networks as users bring them: small ONNX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def adding(path: Path, inputs: int = 1, external: bool = False) -> Path:
    """A network that adds its weights to its inputs; the weights in a file beside it where they are `external`."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, [4], np.ones(4, np.float32).tobytes(), raw=True)
    names = [f"x{i}" for i in range(inputs)]
    nodes = [helper.make_node("Sum", [*names, "w"], ["y"])]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in names]
    out = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])]
    graph = helper.make_graph(nodes, "g", values, out, [weights])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, path, save_as_external_data=external, location="weights.bin", size_threshold=0)
    return path


def branching(path: Path) -> Path:
    """Two convolutions of one input, multiplied, joined with one of them, and a product; two have two inputs."""
    rng = np.random.default_rng(0)
    stored = [
        numpy_helper.from_array(rng.standard_normal(shape, dtype=np.float32), name)
        for name, shape in (("left.w", (8, 3, 3, 3)), ("right.w", (8, 3, 3, 3)), ("product.w", (16 * 30 * 30, 10)))
    ]
    nodes = [
        helper.make_node("Conv", ["x", "left.w"], ["l"], "left"),
        helper.make_node("Conv", ["x", "right.w"], ["r"], "right"),
        helper.make_node("Mul", ["l", "r"], ["m"], "times"),
        helper.make_node("Concat", ["m", "l"], ["c"], "joined", axis=1),
        helper.make_node("Flatten", ["c"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "product.w"], ["y"], "product"),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in (("x", [1, 3, 32, 32]), ("y", [1, 10]))
    ]
    graph = helper.make_graph(nodes, "branching", ends[:1], ends[1:], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


BRANCHING_MACS = 2 * 8 * 30 * 30 * 27 + 16 * 30 * 30 * 10
