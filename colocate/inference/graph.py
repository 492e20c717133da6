"""What the layers of an ONNX graph compute and move: exact, from shapes alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx.inliner
import onnx.shape_inference
from onnx import ModelProto, NodeProto, TensorProto

from colocate.errors import SpecError
from colocate.inference.onnx_file import read

Shape = tuple[int, ...]

# Kinds that multiply and accumulate: where their weights stand among the inputs, and their first operand.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
_PRODUCTS = ("MatMul", "MatMulInteger", "QLinearMatMul")
# Kinds that multiply and accumulate in a way that is not counted here.
_UNCOUNTED = frozenset(("Attention", "DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "RNN", "Scan"))
# Kinds that list nothing but constants and still read more, or give another result each time.
_NEVER_CONSTANT = _UNCOUNTED | {"RandomNormal", "RandomUniform"}
_STANDARD_DOMAINS = ("", "ai.onnx")
# Integers of 64 bits are shapes, axes and indices, and booleans masks: constants, but no weights.
_NOT_WEIGHTS = (TensorProto.INT64, TensorProto.BOOL)


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph. Counts are of one inference at the graph's own batch size, in elements.

    `input_elements` and `output_elements` are activations, each tensor once; `weight_elements` are constants.
    `inputs` names the layers that it reads from; the network's own input is none. A count is None where a
    shape depends on the data, `macs` (multiply-accumulates; 1 MAC = 2 FLOP) also where its kind is not
    counted.
    """

    name: str
    kind: str
    macs: int | None
    weight_elements: int
    input_elements: int | None
    output_elements: int | None
    inputs: tuple[str, ...]


def layers(model: Path | str | ModelProto) -> tuple[Layer, ...]:
    """The layers in the order in which they run. Nodes that only prepare constants are not layers.

    Raises SpecError for a path that is not a readable ONNX file.
    """
    inferred = _inferred(model)
    shapes = _shapes(inferred)
    constants = {tensor.name: tensor.data_type for tensor in inferred.graph.initializer}
    uses = Counter(node.name for node in inferred.graph.node)
    makers: dict[str, str] = {}
    found = []
    for node in inferred.graph.node:
        read_names = tuple(dict.fromkeys(name for name in node.input if name))
        written = [name for name in node.output if name]
        if node.op_type not in _NEVER_CONSTANT and all(name in constants for name in read_names):
            element_type = constants[read_names[0]] if read_names else _constant_type(node)
            constants.update(dict.fromkeys(written, element_type))
            continue
        # A node's name may be absent or taken; a tensor's never is.
        name = node.name if uses[node.name] == 1 and node.name else written[0]
        makers.update(dict.fromkeys(written, name))
        activations = [tensor for tensor in read_names if tensor not in constants]
        weights = [t for t in read_names if t in constants and constants[t] not in _NOT_WEIGHTS]
        found.append(
            Layer(
                name=name,
                kind=node.op_type,
                macs=_macs(node, shapes),
                weight_elements=_elements(weights, shapes) or 0,
                input_elements=_elements(activations, shapes),
                output_elements=_elements(written, shapes),
                inputs=tuple(dict.fromkeys(makers[tensor] for tensor in activations if tensor in makers)),
            )
        )
    return tuple(found)


def macs(found: Sequence[Layer]) -> int | None:
    """Multiply-accumulates of one inference; None where a layer's are not known."""
    total = 0
    for layer in found:
        if layer.macs is None:
            return None
        total += layer.macs
    return total


def parameters(model: ModelProto) -> int:
    """Weights and biases, each once, however many layers share it."""
    stored = [tensor for tensor in model.graph.initializer if tensor.data_type not in _NOT_WEIGHTS]
    written_out = [node for node in model.graph.node if node.op_type == "Constant"]
    tensors = [*stored, *(tensor for node in written_out for tensor in _weights_of_constant(node))]
    return sum(math.prod(tensor.dims) for tensor in tensors)


def _inferred(model: Path | str | ModelProto) -> ModelProto:
    """The graph with the shape of every tensor, functions opened out."""
    plain = model if isinstance(model, ModelProto) else read(Path(model))
    if plain.functions:
        plain = onnx.inliner.inline_local_functions(plain)
    try:
        return onnx.shape_inference.infer_shapes(plain, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise SpecError(f"the shapes in network '{plain.graph.name}' do not fit together: {error}") from error


def _shapes(model: ModelProto) -> dict[str, Shape]:
    """Shapes of all tensors that have a fixed one."""
    graph = model.graph
    shapes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        if value.type.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in dims):
            shapes.setdefault(value.name, tuple(dim.dim_value for dim in dims))
    return shapes


def _weights_of_constant(node: NodeProto) -> list[TensorProto]:
    tensors = [attribute.t for attribute in node.attribute if attribute.name == "value"]
    return [tensor for tensor in tensors if tensor.data_type not in _NOT_WEIGHTS]


def _constant_type(node: NodeProto) -> int:
    """Element type of a Constant: one that holds no tensor of weights counts as an integer."""
    weights = _weights_of_constant(node)
    return weights[0].data_type if weights else TensorProto.INT64


def _elements(names: Sequence[str], shapes: Mapping[str, Shape]) -> int | None:
    if any(name not in shapes for name in names):
        return None
    return sum(math.prod(shapes[name]) for name in names)


def _macs(node: NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    kind = node.op_type
    if kind in _UNCOUNTED or node.domain not in _STANDARD_DOMAINS:
        return None
    if kind in _CONVOLUTIONS:
        # Every output element is a sum over the channels of its group and the window.
        return _product(node.output[0], node.input[_CONVOLUTIONS[kind]], shapes)
    if kind == "ConvTranspose":
        # Every input element is spread over the channels of its group and the window.
        return _product(node.input[0], node.input[1], shapes)
    if kind == "Gemm" or kind in _PRODUCTS:
        summed_axis = -2 if _transposes_a(node) else -1
        a, y = shapes.get(node.input[0]), shapes.get(node.output[0])
        return None if a is None or y is None else math.prod(y) * a[summed_axis]
    return 0


def _product(elements_of: str, weight: str, shapes: Mapping[str, Shape]) -> int | None:
    x, w = shapes.get(elements_of), shapes.get(weight)
    return None if x is None or w is None else math.prod(x) * math.prod(w[1:])


def _transposes_a(node: NodeProto) -> bool:
    return any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
