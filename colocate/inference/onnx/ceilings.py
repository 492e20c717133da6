"""Networks that measure what a machine can do at best: a large matrix product, a large copy, and one that does
nothing.

They run in the same runtime as the network that they are compared with. They make their matrices themselves from one
row of numbers, so that almost nothing is copied in or out.
"""

from __future__ import annotations

from dataclasses import dataclass

from onnx import NodeProto, TensorProto, ValueInfoProto, helper

from colocate.inference.onnx.feeding import PART_PRODUCER
from colocate.model.purpose import CeilingQuantity
from colocate.worker.request import RESIDENT

# How often the copy passes over the whole matrix.
_PASSES = 8


@dataclass(frozen=True, slots=True)
class Probe:
    """A network of matrices with `size` rows and columns. `amount` is per inference: FLOP, counted as for a network's
    layers, or for `bytes` the elements that are moved.
    """

    quantity: CeilingQuantity
    size: int
    amount: int


def probes(*, on_gpu: bool) -> tuple[Probe, ...]:
    """Return the probes, each with a few milliseconds of work. The matrices of the copy are larger than any cache."""
    side, copied = (8192, 16384) if on_gpu else (1024, 4096)
    return (
        Probe("flop", side, 2 * side**3),
        # The matrix is written once, read and written by each pass, and read once at the end.
        Probe("bytes", copied, (2 * _PASSES + 2) * copied**2),
        # Its time is that of launching and waiting.
        Probe("nothing", 8, 0),
    )


def model(quantity: CeilingQuantity, size: int, precision: str = "fp32") -> bytes:
    """Return the .onnx file of a probe that computes in `precision`, `fp32` or `fp16`."""
    kind = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16}[precision]
    row = helper.make_tensor_value_info("row", kind, [1, size])
    if quantity == "nothing":
        same = helper.make_tensor_value_info("same", kind, [1, size])
        return _saved([helper.make_node("Neg", ["row"], ["same"])], row, same)
    spread = [
        helper.make_node("Transpose", ["row"], ["column"], perm=[1, 0]),
        helper.make_node("Mul", ["column", "row"], ["matrix"]),
    ]
    work = [helper.make_node("MatMul", ["matrix", "matrix"], ["last"])] if quantity == "flop" else _copies()
    greatest = helper.make_tensor_value_info("greatest", kind, [1, 1])
    return _saved([*spread, *work, helper.make_node("ReduceMax", ["last"], ["greatest"])], row, greatest)


def _copies() -> list[NodeProto]:
    """Return nodes that copy a matrix. They change its sign, so that a runtime cannot leave any of them out."""
    tensors = ["matrix", *(f"pass{number}" for number in range(1, _PASSES)), "last"]
    return [
        helper.make_node(("Neg", "Abs")[number % 2], [tensors[number]], [tensors[number + 1]])
        for number in range(_PASSES)
    ]


def _saved(nodes: list[NodeProto], takes: ValueInfoProto, gives: ValueInfoProto) -> bytes:
    graph = helper.make_graph(nodes, "ceiling", [takes], [gives])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    made.producer_name = PART_PRODUCER
    helper.set_model_props(made, {RESIDENT: "yes"})
    content: bytes = made.SerializeToString()
    return content
