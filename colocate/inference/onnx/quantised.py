"""Quantised operators, described by the plain operators that they correspond to.

Scales and zero points say which number an integer stands for, and are not operands. Some operators are not in the
ONNX standard but ONNX Runtime's own (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md):
its quantiser writes them, and ONNX shape inference does not know them.
"""

from __future__ import annotations

from typing import NamedTuple

from onnx import ModelProto, NodeProto, helper

RUNTIME_DOMAIN = "com.microsoft"
DEQUANTISER, QUANTISERS = "DequantizeLinear", ("DequantizeLinear", "QuantizeLinear")


class _Plain(NamedTuple):
    """The standard operator that does the same to plain numbers, and the indices of the operands in the node's
    inputs.
    """

    kind: str
    operands: tuple[int, ...]


_PLAIN = {
    "QuantizeLinear": _Plain("QuantizeLinear", (0,)),
    "DequantizeLinear": _Plain("DequantizeLinear", (0,)),
    "ConvInteger": _Plain("Conv", (0, 1)),
    "QLinearConv": _Plain("Conv", (0, 3, 8)),
    "MatMulInteger": _Plain("MatMul", (0, 1)),
    "QLinearMatMul": _Plain("MatMul", (0, 3)),
    "QGemm": _Plain("Gemm", (0, 3, 6)),
    "QLinearAdd": _Plain("Add", (0, 3)),
    "QLinearMul": _Plain("Mul", (0, 3)),
    "QLinearSigmoid": _Plain("Sigmoid", (0,)),
    "QLinearLeakyRelu": _Plain("LeakyRelu", (0,)),
    "QLinearSoftmax": _Plain("Softmax", (0,)),
    "QLinearAveragePool": _Plain("AveragePool", (0,)),
    "QLinearGlobalAveragePool": _Plain("GlobalAveragePool", (0,)),
}
_CONCAT = "QLinearConcat"


def plain_kind(node: NodeProto) -> str:
    """Return the standard operator that does the same to plain numbers; for a node that is not quantised, its own."""
    if node.op_type == _CONCAT:
        return "Concat"
    return _PLAIN[node.op_type].kind if node.op_type in _PLAIN else node.op_type


def operands(node: NodeProto) -> list[str]:
    """Return the tensors that a node reads, without scales and zero points."""
    if node.op_type == _CONCAT:
        # The output's scale and zero point, then each tensor followed by its own.
        found = list(node.input[2::3])
    elif node.op_type in _PLAIN:
        found = [node.input[index] for index in _PLAIN[node.op_type].operands if index < len(node.input)]
    else:
        found = list(node.input)
    return [name for name in found if name]


def known(node: NodeProto) -> bool:
    """Whether the node's operator is in the standard, or one of the runtime's own that are listed here."""
    if node.domain == RUNTIME_DOMAIN:
        return node.op_type in _PLAIN or node.op_type == _CONCAT
    return node.domain in ("", "ai.onnx")


def with_plain_nodes(model: ModelProto) -> ModelProto:
    """Return the model for shape inference, with standard operators of the same output for the runtime's own ones.

    A QGemm without an output scale gives floating point numbers and stays as it is.
    """
    own = [index for index, node in enumerate(model.graph.node) if node.domain == RUNTIME_DOMAIN and known(node)]
    if not own:
        return model
    found = ModelProto()
    found.CopyFrom(model)
    for index in own:
        node = found.graph.node[index]
        if node.op_type == "QGemm" and not "".join(node.input[7:8]):
            continue
        inputs = list(node.input) if node.op_type in QUANTISERS else operands(node)
        plain = helper.make_node(plain_kind(node), inputs, list(node.output), node.name)
        plain.attribute.extend(node.attribute)
        node.CopyFrom(plain)
    return found
