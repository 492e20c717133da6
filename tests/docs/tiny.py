"""A network of the user's own, in a file: the smallest that examples and recipes can run."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper


def write_network(path: Path) -> None:
    """A rectifier of one picture of 3 x 8 x 8."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "tiny", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
