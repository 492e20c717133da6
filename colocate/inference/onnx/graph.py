"""What the layers of an ONNX graph compute and move: exact, from shapes alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import onnx.inliner
import onnx.shape_inference
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto

from colocate.errors import SpecError
from colocate.inference.onnx.onnx_file import read

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


class Tensor(NamedTuple):
    """What a layer reads or writes. `elements` is None where the shape depends on the data."""

    name: str
    elements: int | None


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph, or several that run as one. Counts are of one inference at the graph's own batch size.

    `reads` and `writes` are activations and `weights` constants, each tensor once. `inputs` names the layers that
    it reads from; the network's own input is none. `macs` (multiply-accumulates; 1 MAC = 2 FLOP) are None where a
    shape depends on the data or the kind is not counted.
    """

    name: str
    kind: str
    macs: int | None
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    inputs: tuple[str, ...]

    @property
    def input_elements(self) -> int | None:
        """Elements of all activations that it reads; None where one is not known."""
        return _total(tensor.elements for tensor in self.reads)

    @property
    def output_elements(self) -> int | None:
        """Elements of all activations that it writes; None where one is not known."""
        return _total(tensor.elements for tensor in self.writes)

    @property
    def weight_elements(self) -> int:
        """Elements of all constants of known shape that it reads."""
        return sum(tensor.elements or 0 for tensor in self.weights)


def layers(model: Path | str | ModelProto) -> tuple[Layer, ...]:
    """The layers in the order in which they run. Nodes that only prepare constants are not layers.

    Raises SpecError for a path that is not a readable ONNX file.
    """
    plain = inferred(model)
    shapes = _shapes(plain)
    constants = {tensor.name: tensor.data_type for tensor in plain.graph.initializer}
    uses = Counter(node.name for node in plain.graph.node)
    makers: dict[str, str] = {}
    found = []
    for node in plain.graph.node:
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
                reads=_tensors(activations, shapes),
                writes=_tensors(written, shapes),
                weights=_tensors(weights, shapes),
                inputs=tuple(dict.fromkeys(makers[tensor] for tensor in activations if tensor in makers)),
            )
        )
    return tuple(found)


def macs(found: Sequence[Layer]) -> int | None:
    """Multiply-accumulates of one inference; None where a layer's are not known."""
    return _total(layer.macs for layer in found)


def fused(network: Sequence[Layer], names: Collection[str]) -> Layer:
    """The layers `names` of the network as if they ran as one, named after all of them.

    It reads what they do not make themselves, and writes what the rest of the network reads or nobody does (the
    network's output). Raises ValueError for a name that is no layer.
    """
    own = [layer for layer in network if layer.name in names]
    unknown = set(names) - {layer.name for layer in own}
    if unknown or not own:
        raise ValueError(f"no layers of the network: {sorted(unknown)}")
    made = {tensor for layer in own for tensor in layer.writes}
    read_inside = {tensor for layer in own for tensor in layer.reads}
    read_outside = {tensor for layer in network if layer.name not in names for tensor in layer.reads}
    return Layer(
        name="+".join(layer.name for layer in own),
        kind="+".join(layer.kind for layer in own),
        macs=macs(own),
        reads=_once(tensor for layer in own for tensor in layer.reads if tensor not in made),
        writes=_once(t for layer in own for t in layer.writes if t in read_outside or t not in read_inside),
        weights=_once(tensor for layer in own for tensor in layer.weights),
        inputs=tuple(dict.fromkeys(name for layer in own for name in layer.inputs if name not in names)),
    )


def parameters(model: ModelProto) -> int:
    """Weights and biases, each once, however many layers share it."""
    stored = [tensor for tensor in model.graph.initializer if tensor.data_type not in _NOT_WEIGHTS]
    written_out = [node for node in model.graph.node if node.op_type == "Constant"]
    tensors = [*stored, *(tensor for node in written_out for tensor in _weights_of_constant(node))]
    return sum(math.prod(tensor.dims) for tensor in tensors)


def inferred(model: Path | str | ModelProto) -> ModelProto:
    """The model with the shape of every tensor and its functions opened out; from a path, without larger weights.

    A node without a name is called as ONNX Runtime calls it in a profile, by its kind and number: `MatMul_3`.
    Raises SpecError for a path that is not a readable ONNX file, and for shapes that contradict each other.
    """
    plain = model if isinstance(model, ModelProto) else read(Path(model))
    opened = onnx.inliner.inline_local_functions(plain) if plain.functions else plain
    try:
        found = onnx.shape_inference.infer_shapes(opened, data_prop=True)
    except onnx.shape_inference.InferenceError as error:
        raise SpecError(f"the shapes in network '{plain.graph.name}' do not fit together: {error}") from error
    # What a runtime opens out, it numbers in a way of its own; written-out constants are no nodes to it.
    numbered = [] if plain.functions else [node for node in found.graph.node if node.op_type != "Constant"]
    for number, node in enumerate(numbered):
        node.name = node.name or f"{node.op_type}_{number}"
    return found


def fixed(value: ValueInfoProto) -> bool:
    """Whether the shape of a tensor is known before it is computed."""
    tensor = value.type.tensor_type
    return bool(tensor.HasField("shape")) and all(dim.HasField("dim_value") for dim in tensor.shape.dim)


def _shapes(model: ModelProto) -> dict[str, Shape]:
    """Shapes of all tensors that have a fixed one."""
    graph = model.graph
    shapes: dict[str, Shape] = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if fixed(value):
            shapes.setdefault(value.name, tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim))
    return shapes


def _weights_of_constant(node: NodeProto) -> list[TensorProto]:
    tensors = [attribute.t for attribute in node.attribute if attribute.name == "value"]
    return [tensor for tensor in tensors if tensor.data_type not in _NOT_WEIGHTS]


def _constant_type(node: NodeProto) -> int:
    """Element type of a Constant: one that holds no tensor of weights counts as an integer."""
    weights = _weights_of_constant(node)
    return weights[0].data_type if weights else TensorProto.INT64


def _tensors(names: Iterable[str], shapes: Mapping[str, Shape]) -> tuple[Tensor, ...]:
    return tuple(Tensor(name, math.prod(shapes[name]) if name in shapes else None) for name in names)


def _once(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple(dict.fromkeys(tensors))


def _total(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one is not known."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


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
