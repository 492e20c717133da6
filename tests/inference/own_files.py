"""Files as users bring them, each with one thing that must be guessed, chosen or refused; and how they are run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from colocate.inference.networks.network import Network
from colocate.worker.backends.onnxruntime_cpu import OnnxRuntimeCpu
from colocate.worker.inputs import input_arrays
from colocate.worker.request import Request

Dims = Sequence[int | str | None] | None
FLOAT, INT64, INT32, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL


def value(name: str, dims: Dims, kind: int = FLOAT) -> ValueInfoProto:
    """An input or output."""
    return helper.make_tensor_value_info(name, kind, dims)


def written(
    path: Path,
    nodes: Sequence[NodeProto],
    inputs: Sequence[ValueInfoProto],
    stored: dict[str, npt.NDArray[Any]] | None = None,
    output: tuple[int, Dims] = (FLOAT, None),
) -> Path:
    """A file of these nodes, the last of which makes its only output `y`."""
    tensors = [numpy_helper.from_array(array, name) for name, array in (stored or {}).items()]
    graph = helper.make_graph(nodes, "own", inputs, [value("y", output[1], output[0])], tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def random(*shape: int) -> npt.NDArray[np.float32]:
    """Weights of a fixed seed."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def convolution(path: Path, dims: Dims) -> Path:
    """3 channels to 4, 3 x 3, over images of these dimensions."""
    node = helper.make_node("Conv", ["images", "w"], ["y"])
    return written(path, [node], [value("images", dims)], {"w": random(4, 3, 3, 3)})


def embedding(path: Path, names: Sequence[str], rows: Sequence[int], kind: int = INT64) -> Path:
    """The sum of tables, of so many `rows` of 4, each indexed by an input `[batch, sequence]` of its own."""
    nodes = [
        helper.make_node("Gather", [f"table.{name}", f"{name}"], [f"row.{name}"], f"gather.{name}") for name in names
    ]
    nodes.append(helper.make_node("Sum", [f"row.{name}" for name in names], ["y"]))
    inputs = [value(name, ["batch", "sequence"], kind) for name in names]
    return written(path, nodes, inputs, {f"table.{name}": random(n, 4) for name, n in zip(names, rows, strict=True)})


def lstm(path: Path) -> Path:
    """A layer of 5 units over 3 features, the time first, which carries its state: the batch is in the middle."""
    node = helper.make_node("LSTM", ["x", "w", "r", "", "", "h", "c"], ["y"], hidden_size=5)
    inputs = [value("x", [7, None, 3]), value("h", [1, None, 5]), value("c", [1, None, 5])]
    return written(path, [node], inputs, {"w": random(1, 20, 3), "r": random(1, 20, 5)})


def with_past(path: Path) -> Path:
    """Keys appended to those of the past, of which there are none at the beginning."""
    node = helper.make_node("Concat", ["past_keys", "keys"], ["y"], axis=2)
    inputs = [value("past_keys", ["batch", 2, "past_sequence", 4]), value("keys", ["batch", 2, "sequence", 4])]
    return written(path, [node], inputs)


def fed(network: Network) -> dict[str, npt.NDArray[Any]]:
    """What ONNX Runtime is fed, after it ran the network on it."""
    OnnxRuntimeCpu(Request("of no matter", network.name, file=network.file)).infer()
    return input_arrays(network.file)
