"""Small networks with control flow, and with numbers narrower than 32 bits, as ONNX models."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from colocate.inference.networks.network import Network
from colocate.worker.backends.ort_trace import TimedStep, read, recorded
from colocate.worker.request import TensorSpec

# Rows and columns of the matrices, and the FLOP and bytes of a product of two of them.
SIDE = 16
PRODUCT_FLOP, MATRIX_BYTES = 2 * SIDE**3, 4 * SIDE**2
# How often the bodies run.
TRIPS, ROWS = 20, 5


def floats(name: str, *shape: int) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def weights(name: str, *shape: int, dtype: type = np.float32) -> TensorProto:
    values = np.random.default_rng(0).standard_normal(shape) / 8
    return numpy_helper.from_array((values * (16 if dtype in (np.int8, np.uint8) else 1)).astype(dtype), name)


def constant(name: str, value: object, dtype: type) -> TensorProto:
    return numpy_helper.from_array(np.array(value, dtype), name)


def product(taken: str, given: str, name: str = "", by: str = "w") -> NodeProto:
    return helper.make_node("MatMul", [taken, by], [given], name)


def model_of(
    nodes: Sequence[NodeProto], ends: Sequence[ValueInfoProto], stored: Sequence[TensorProto], inputs: int = 1
) -> ModelProto:
    """The first `inputs` of `ends` go in."""
    graph = helper.make_graph(nodes, "g", ends[:inputs], ends[inputs:], stored)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def model_of_products(count: int, names: Sequence[str], branches: bool = False) -> onnx.ModelProto:
    """So many matrix products, each with a bias and a rectifier, one behind the other or all of one input."""
    nodes, weights, read = [], [], "x"
    for index, name in zip(range(count), names, strict=True):
        nodes += [
            helper.make_node("MatMul", [read, f"w{index}"], [f"m{index}"], name),
            helper.make_node("Add", [f"m{index}", f"b{index}"], [f"a{index}"], name and f"{name}.bias"),
            helper.make_node("Relu", [f"a{index}"], [f"r{index}"], name and f"{name}.relu"),
        ]
        weights += [(f"w{index}", (16, 16)), (f"b{index}", (16,))]
        read = "x" if branches else f"r{index}"
    joined = [f"r{index}" for index in range(count)] if branches else [read]
    nodes.append(helper.make_node("Concat", joined, ["y"], "joined", axis=1))
    stored = [numpy_helper.from_array(np.ones(shape, np.float32), name) for name, shape in weights]
    ends = [helper.make_tensor_value_info(*end) for end in (("x", 1, [4, 16]), ("y", 1, [4, 16 * len(joined)]))]
    body = helper.make_graph(nodes, "g", ends[:1], ends[1:], stored)
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def looping(side: int = SIDE) -> ModelProto:
    """Three products, the second a Loop of two, none of which has a name; all read the same weights."""
    state = [
        helper.make_tensor_value_info("number", TensorProto.INT64, []),
        helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        floats("v", side, side),
    ]
    given = [helper.make_tensor_value_info("still_on", TensorProto.BOOL, []), floats("v2", side, side)]
    inner = [product("v", "v1"), product("v1", "v2"), helper.make_node("Identity", ["on"], ["still_on"])]
    body = helper.make_graph(inner, "body", state, given)
    nodes = [
        product("x", "h"),
        helper.make_node("Loop", ["trips", "", "h"], ["l"], body=body),
        product("l", "y"),
    ]
    stored = [weights("w", side, side), constant("trips", TRIPS, np.int64)]
    return model_of(nodes, [floats("x", side, side), floats("y", side, side)], stored)


def chosen(first: int = 1, second: int = 3, name: str = "choice", side: int = SIDE) -> ModelProto:
    """An If with so many products in each branch, of which the second runs. The first product of each branch has the
    name of the If, the others have none.
    """

    def branch(count: int) -> GraphProto:
        tensors = ["x", *(f"{count}.{number}" for number in range(count))]
        inner = [product(tensors[i], tensors[i + 1], "" if i else name) for i in range(count)]
        return helper.make_graph(inner, f"branch of {count}", [], [floats(tensors[-1], side, side)])

    nodes = [
        helper.make_node("ReduceMax", ["x"], ["greatest"], keepdims=0),
        helper.make_node("Greater", ["greatest", "unreachable"], ["condition"]),
        helper.make_node("If", ["condition"], ["c"], name, then_branch=branch(first), else_branch=branch(second)),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    stored = [weights("w", side, side), constant("unreachable", 1e9, np.float32)]
    return model_of(nodes, [floats("x", side, side), floats("y", side, side)], stored)


def scanning(side: int = SIDE) -> ModelProto:
    """A Scan over the rows of its input: a product with a sum and an activation behind it, and its result."""
    inner = [
        product("state", "m"),
        helper.make_node("Add", ["m", "row"], ["a"]),
        helper.make_node("Tanh", ["a"], ["state2"]),
        helper.make_node("Neg", ["state2"], ["out"]),
    ]
    row = floats("row", 1, side)
    body = helper.make_graph(
        inner, "body", [floats("state", 1, side), row], [floats("state2", 1, side), floats("out", 1, side)]
    )
    scan = helper.make_node("Scan", ["begin", "x"], ["last", "y"], body=body, num_scan_inputs=1)
    ends = [floats("x", ROWS, 1, side), floats("y", ROWS, 1, side)]
    return model_of([scan], ends, [weights("w", side, side), weights("begin", 1, side)])


def alternating() -> ModelProto:
    """A Loop whose body chooses between one product and two in turn, all without names."""

    def branch(*tensors: str) -> GraphProto:
        inner = [product(*pair) for pair in itertools.pairwise(tensors)]
        return helper.make_graph(inner, tensors[-1], [], [floats(tensors[-1], SIDE, SIDE)])

    inner = [
        helper.make_node("Mod", ["number", "two"], ["rest"]),
        helper.make_node("Cast", ["rest"], ["odd"], to=TensorProto.BOOL),
        helper.make_node(
            "If", ["odd"], ["v2"], then_branch=branch("v", "once"), else_branch=branch("v", "half", "twice")
        ),
        helper.make_node("Identity", ["on"], ["still_on"]),
    ]
    state = [
        helper.make_tensor_value_info("number", TensorProto.INT64, []),
        helper.make_tensor_value_info("on", TensorProto.BOOL, []),
        floats("v", SIDE, SIDE),
    ]
    given = [helper.make_tensor_value_info("still_on", TensorProto.BOOL, []), floats("v2", SIDE, SIDE)]
    loop = helper.make_node("Loop", ["trips", "", "x"], ["y"], body=helper.make_graph(inner, "body", state, given))
    stored = [weights("w", SIDE, SIDE), constant("trips", TRIPS, np.int64), constant("two", 2, np.int64)]
    return model_of([loop], [floats("x", SIDE, SIDE), floats("y", SIDE, SIDE)], stored)


# Channels, rows and columns of the quantised networks, and the channels of their input.
CHANNELS, PIXELS, COLOURS = 4, 8 * 8, 3
QUANTISED_MACS = (CHANNELS * PIXELS * COLOURS * 9, CHANNELS * PIXELS * CHANNELS * 9)


def _number_format(name: str) -> list[TensorProto]:
    return [constant(f"{name}.scale", 0.05, np.float32), constant(f"{name}.zero", 128, np.uint8)]


def _quantised_weights(number: int, inputs: int) -> list[TensorProto]:
    return [
        weights(f"w{number}", CHANNELS, inputs, 3, 3, dtype=np.int8),
        constant(f"w{number}.scale", 0.01, np.float32),
        constant(f"w{number}.zero", 0, np.int8),
        constant(f"b{number}", [1] * CHANNELS, np.int32),
        constant(f"b{number}.scale", 0.0005, np.float32),
        constant(f"b{number}.zero", 0, np.int32),
    ]


def _quantised_ends() -> list[ValueInfoProto]:
    return [floats("x", 1, COLOURS, 8, 8), floats("y", 1, CHANNELS, 8, 8)]


def quantised_by_pairs(named: bool = True) -> ModelProto:
    """Two convolutions and the sum of what they give, each between a DequantizeLinear and a QuantizeLinear."""

    def convert(kind: str, tensor: str, given: str, form: str = "") -> NodeProto:
        form = form or tensor.split(".")[0]
        return helper.make_node(kind, [tensor, f"{form}.scale", f"{form}.zero"], [given], f"{given} {kind}")

    def called(name: str) -> str:
        return name if named else ""

    nodes = [
        *(convert("DequantizeLinear", name, f"{name}.real") for name in ("w1", "b1", "w2", "b2")),
        convert("QuantizeLinear", "x", "x.q"),
        convert("DequantizeLinear", "x.q", "x.d"),
        helper.make_node("Conv", ["x.d", "w1.real", "b1.real"], ["c1"], called("conv1"), pads=[1] * 4),
        helper.make_node("Relu", ["c1"], ["r1"], called("relu1")),
        convert("QuantizeLinear", "r1", "r1.q"),
        convert("DequantizeLinear", "r1.q", "r1.d"),
        helper.make_node("Conv", ["r1.d", "w2.real", "b2.real"], ["c2"], called("conv2"), pads=[1] * 4),
        convert("QuantizeLinear", "c2", "c2.q"),
        convert("DequantizeLinear", "c2.q", "c2.d"),
        helper.make_node("Add", ["c2.d", "r1.d"], ["s"], called("sum")),
        convert("QuantizeLinear", "s", "s.q"),
        convert("DequantizeLinear", "s.q", "y", "s"),
    ]
    stored = [tensor for name in ("x", "c2", "s") for tensor in _number_format(name)]
    # What is not negative needs no sign, and the rectifier goes into the numbers' format.
    stored += [constant("r1.scale", 0.05, np.float32), constant("r1.zero", 0, np.uint8)]
    stored += [*_quantised_weights(1, COLOURS), *_quantised_weights(2, CHANNELS)]
    return model_of(nodes, _quantised_ends(), stored)


def quantised_operators() -> ModelProto:
    """The same as operators that compute with integers; the sum is one of ONNX Runtime's own."""

    def form(*names: str) -> list[str]:
        return [f"{name}.{part}" for name in names for part in ("scale", "zero")]

    nodes = [
        helper.make_node("QuantizeLinear", ["x", *form("x")], ["x.q"], "x_quant"),
        helper.make_node(
            "QLinearConv", ["x.q", *form("x"), "w1", *form("w1"), *form("c1"), "b1"], ["c1.q"], "conv1_quant",
            pads=[1] * 4,
        ),
        helper.make_node(
            "QLinearConv", ["c1.q", *form("c1"), "w2", *form("w2"), *form("c2"), "b2"], ["c2.q"], "conv2_quant",
            pads=[1] * 4,
        ),
        helper.make_node(
            "QLinearAdd", ["c2.q", *form("c2"), "c1.q", *form("c1"), *form("s")], ["s.q"], "sum_quant",
            domain="com.microsoft",
        ),
        helper.make_node("DequantizeLinear", ["s.q", *form("s")], ["y"], "y_real"),
    ]  # fmt: skip
    stored = [tensor for name in ("x", "c1", "c2", "s") for tensor in _number_format(name)]
    stored += [*_quantised_weights(1, COLOURS), *_quantised_weights(2, CHANNELS)]
    return model_of(nodes, _quantised_ends(), stored)


def half() -> ModelProto:
    """A product and a rectifier in half precision, between inputs and outputs of it."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT16, [4, SIDE]) for name in "xy"]
    nodes = [product("x", "m", "product"), helper.make_node("Relu", ["m"], ["y"], "relu")]
    return model_of(nodes, ends, [weights("w", SIDE, SIDE, dtype=np.float16)])


def saved(model: ModelProto, folder: Path) -> Network:
    """The model in a file that a runtime can be fed."""
    path = folder / "network.onnx"
    onnx.save(model, path)
    (value,) = model.graph.input
    tensor = value.type.tensor_type
    dtype = {TensorProto.FLOAT: "float32", TensorProto.FLOAT16: "float16"}[tensor.elem_type]
    spec = TensorSpec(value.name, tuple(dim.dim_value for dim in tensor.shape.dim), dtype)
    return Network("network", path, "", (spec,), 0, None)


def profiled(model: ModelProto, folder: Path) -> tuple[TimedStep, ...]:
    """The steps that ONNX Runtime makes of it."""
    return read(recorded(saved(model, folder).file, folder, 3, threads=1)).steps
