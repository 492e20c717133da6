"""What the layers of an ONNX graph compute and move: exact numbers, from shapes and element types alone."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx.checker
import onnx.inliner
import onnx.shape_inference
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from colocate.bounded import bounded
from colocate.errors import SpecError
from colocate.inference.onnx import element_types, quantised
from colocate.inference.onnx.onnx_file import read
from colocate.inference.onnx.tensors import Scope, Shape, Tensor, bodies_of, captured_by, declare_carried

# Operators whose multiply-accumulates are not counted here.
_UNCOUNTED = frozenset(("Attention", "DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "RNN", "Scan"))
# Operators whose output is not constant even if all inputs are: bodies read more tensors, random numbers change.
_NEVER_CONSTANT = _UNCOUNTED | {"RandomNormal", "RandomUniform"}
# 64-bit integers are shapes, axes and indices, and booleans are masks: constants, but no weights.
_NOT_WEIGHTS = (TensorProto.INT64, TensorProto.BOOL)


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph, or several that run as one. Counts are for one inference at the graph's own batch size.

    `reads` and `writes` are activations and `weights` are constants, each tensor once, without the scales and zero
    points of quantised numbers. `inputs` names the layers whose output it reads. `macs` (multiply-accumulates; 1 MAC
    = 2 FLOP) is None if a shape depends on the data or the operator is not counted.

    For a Loop, an If or a Scan, `bodies` has the layers of each inner graph, counted for one run of it. What an inner
    graph reads from outside belongs to this layer's `reads` and `weights`.
    """

    name: str
    kind: str
    macs: int | None
    reads: tuple[Tensor, ...]
    writes: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    inputs: tuple[str, ...]
    bodies: tuple[tuple[Layer, ...], ...] = ()

    @property
    def input_elements(self) -> int | None:
        """Elements of all activations that it reads; None if one number is unknown."""
        return _total(tensor.elements for tensor in self.reads)

    @property
    def output_elements(self) -> int | None:
        """Elements of all activations that it writes; None if one number is unknown."""
        return _total(tensor.elements for tensor in self.writes)

    @property
    def weight_elements(self) -> int:
        """Elements of all constants of known shape that it reads."""
        return sum(tensor.elements or 0 for tensor in self.weights)

    @property
    def moved_bytes(self) -> int | None:
        """Bytes of all tensors that it reads and writes; None if the size of an activation is unknown."""
        activations = _total(tensor.size_bytes for tensor in (*self.reads, *self.writes))
        return None if activations is None else activations + sum(tensor.size_bytes or 0 for tensor in self.weights)


def layers(model: Path | str | ModelProto) -> tuple[Layer, ...]:
    """Return the layers in the order in which they run. Nodes that only prepare constants are not layers.

    Raises SpecError for a path that is not a readable ONNX file.
    """
    return _layers(inferred(model).graph, Scope({}, {}, {}))


def layers_of_own(model: ModelProto) -> tuple[Layer, ...]:
    """Return the layers of a graph that colocate made. Unlike `layers`, it needs no child process with limits."""
    return _layers(_inferred(model, "the network").graph, Scope({}, {}, {}))


def macs(found: Sequence[Layer]) -> int | None:
    """Return the multiply-accumulates of one inference; None if those of a layer are unknown."""
    return _total(layer.macs for layer in found)


class LayerIndex:
    """The layers of a network by their names, and by the tensors that they read."""

    def __init__(self, network: Sequence[Layer]) -> None:
        self._layers = network
        self._places: defaultdict[str, list[int]] = defaultdict(list)
        self._readers: defaultdict[Tensor, list[str]] = defaultdict(list)
        for place, layer in enumerate(network):
            self._places[layer.name].append(place)
            for tensor in layer.reads:
                self._readers[tensor].append(layer.name)

    def fused(self, names: Collection[str]) -> Layer:
        """Return the layers `names` as one layer. Its name joins theirs, without layers that only quantise or
        dequantise.

        It reads the tensors that these layers do not make. It writes the tensors that other layers read, and those
        that no layer reads (the network's output). It does not write a tensor that one of these layers dequantises
        for another: each other reader dequantises for itself. Raises ValueError for a name that no layer has, and for
        no names.
        """
        chosen = set(names)
        unknown = [name for name in chosen if name not in self._places]
        if unknown or not chosen:
            raise ValueError(f"no layers of the network: {sorted(unknown)}")
        own = [self._layers[place] for place in sorted(place for name in chosen for place in self._places[name])]
        made = {tensor for layer in own for tensor in layer.writes}
        read_inside = {tensor for layer in own for tensor in layer.reads}
        read_outside = {tensor for tensor in made if not chosen.issuperset(self._readers[tensor])}
        dequantised = {tensor for layer in own if layer.kind == quantised.DEQUANTISER for tensor in layer.writes}
        leaving = read_outside - (dequantised & read_inside)
        named = [layer for layer in own if layer.kind not in quantised.QUANTISERS] or own
        return Layer(
            name="+".join(layer.name for layer in named),
            kind="+".join(layer.kind for layer in named),
            macs=macs(own),
            reads=_once(tensor for layer in own for tensor in layer.reads if tensor not in made),
            writes=_once(t for layer in own for t in layer.writes if t in leaving or t not in read_inside),
            weights=_once(tensor for layer in own for tensor in layer.weights),
            inputs=tuple(dict.fromkeys(name for layer in own for name in layer.inputs if name not in chosen)),
            bodies=tuple(body for layer in own for body in layer.bodies),
        )


def in_precision(network: Iterable[Layer], precision: str) -> tuple[Layer, ...]:
    """Return the layers with all tensors in this precision, as on a board that ran the network in it."""
    element_type = element_types.numbered(precision)

    def typed(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
        return tuple(tensor._replace(element_type=element_type) for tensor in tensors)

    return tuple(
        dataclasses.replace(layer, reads=typed(layer.reads), writes=typed(layer.writes), weights=typed(layer.weights))
        for layer in network
    )


def precision(network: Sequence[Layer]) -> str:
    """Return the type of the weights that multiply activations: `int8`, or `mixed int8/fp32` with the type of most
    weights first. For a network without such weights, return the type of its activations.
    """
    counts: Counter[str] = Counter()
    for layer in _everywhere(network):
        if layer.macs != 0 and not layer.bodies and layer.weights:
            heaviest = max(layer.weights, key=lambda tensor: tensor.elements or 0)
            counts[_type_name(heaviest)] += heaviest.elements or 0
    if not counts:
        counts.update(_type_name(tensor) for layer in _everywhere(network) for tensor in layer.reads)
    types = [name for name, _ in counts.most_common() if name]
    return types[0] if len(types) == 1 else f"mixed {'/'.join(types)}" if types else ""


def parameters(model: ModelProto) -> int:
    """Return the number of weights and biases. A weight that several layers share counts once."""
    stored = [tensor for tensor in model.graph.initializer if tensor.data_type not in _NOT_WEIGHTS]
    written_out = [node for node in model.graph.node if node.op_type == "Constant"]
    tensors = [*stored, *(tensor for node in written_out for tensor in _weights_of_constant(node))]
    return sum(math.prod(tensor.dims) for tensor in tensors)


def inferred(model: Path | str | ModelProto) -> ModelProto:
    """Return the model with inferred shapes and inlined functions. If `model` is a path, larger weights are left out.

    A node without a name gets the one that ONNX Runtime's profile uses, its operator and number: `MatMul_3`. Each
    body numbers its nodes anew. A model with functions gets no names. Raises SpecError if a path is no readable ONNX
    file or a function cannot be inlined.
    """
    plain = model if isinstance(model, ModelProto) else read(Path(model))
    what = "the network" if isinstance(model, ModelProto) else str(model)
    content = bounded(lambda: _inferred(plain, what).SerializeToString(), what, plain.ByteSize())
    found: ModelProto = ModelProto.FromString(content)
    return found


def _inferred(plain: ModelProto, what: str) -> ModelProto:
    try:
        opened = onnx.inliner.inline_local_functions(plain) if plain.functions else plain
    except (RuntimeError, onnx.checker.ValidationError) as error:
        raise SpecError(f"{what}: its functions cannot be opened out: {str(error).splitlines()[0]}") from error
    try:
        found = onnx.shape_inference.infer_shapes(quantised.with_plain_nodes(opened), data_prop=True)
        while declare_carried(found.graph):
            found = onnx.shape_inference.infer_shapes(found, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError, RuntimeError):
        # The runtime judges contradicting shapes, names that are not text and unknown types. If it runs such a
        # network, the sizes of the layers are unknown.
        found = ModelProto()
        found.CopyFrom(opened)
    for node, original in zip(found.graph.node, opened.graph.node, strict=True):
        if original.domain == quantised.RUNTIME_DOMAIN:
            node.CopyFrom(original)
    # A runtime that inlines functions numbers the nodes in its own way.
    if not plain.functions:
        _number(found.graph)
    return found


def _layers(graph: GraphProto, around: Scope) -> tuple[Layer, ...]:
    scope = around.inside(graph)
    uses = Counter(node.name for node in graph.node)
    makers: dict[str, str] = {}
    found = []
    for node in graph.node:
        captured = captured_by(node)
        read_names = list(dict.fromkeys(name for name in (*node.input, *captured) if name))
        written = [name for name in node.output if name]
        if node.op_type not in _NEVER_CONSTANT and all(name in scope.stored for name in read_names):
            scope.stored.update({name: _stored_type(node, name, read_names, scope) for name in written})
            continue
        # A node's name may be missing or used twice; a tensor's never is.
        name = node.name if (uses[node.name] == 1 and node.name) or not written else written[0]
        makers.update(dict.fromkeys(written, name))
        activations = [tensor for tensor in read_names if tensor not in scope.stored]
        weights = [
            tensor
            for tensor in (*quantised.operands(node), *captured)
            if tensor in scope.stored and scope.stored[tensor] not in _NOT_WEIGHTS
        ]
        found.append(
            Layer(
                name=name,
                kind=node.op_type,
                macs=_macs(node, scope.shapes),
                reads=scope.tensors(activations),
                writes=scope.tensors(written),
                weights=scope.tensors(weights),
                inputs=tuple(dict.fromkeys(makers[tensor] for tensor in activations if tensor in makers)),
                bodies=tuple(_layers(body, scope) for body in bodies_of(node)),
            )
        )
    return tuple(found)


def _stored_type(node: NodeProto, written: str, read_names: Sequence[str], scope: Scope) -> int:
    """Return the stored type of a constant that `node` prepares. A constant that is dequantised, or reshaped, keeps
    the integer type in which it is stored.
    """
    if not read_names:
        return _constant_type(node)
    first, computed = read_names[0], scope.types.get(written)
    if node.op_type == quantised.DEQUANTISER or computed in (None, 0, scope.types.get(first)):
        return scope.stored[first]
    assert computed is not None, "checked above"
    return computed


def _number(graph: GraphProto) -> None:
    """Name the nodes that have no name. Constant nodes are not numbered, because runtimes do not have them."""
    for number, node in enumerate(node for node in graph.node if node.op_type != "Constant"):
        node.name = node.name or f"{node.op_type}_{number}"
        for body in bodies_of(node):
            _number(body)


def _everywhere(network: Iterable[Layer]) -> Iterator[Layer]:
    """Yield all layers, including those in bodies."""
    for layer in network:
        yield layer
        for body in layer.bodies:
            yield from _everywhere(body)


def _type_name(tensor: Tensor) -> str:
    return "" if tensor.element_type is None else element_types.short_name(tensor.element_type)


def _weights_of_constant(node: NodeProto) -> list[TensorProto]:
    tensors = [attribute.t for attribute in node.attribute if attribute.name == "value"]
    return [tensor for tensor in tensors if tensor.data_type not in _NOT_WEIGHTS]


def _constant_type(node: NodeProto) -> int:
    """Return the element type of a Constant node; INT64 if it holds no tensor of weights."""
    weights = _weights_of_constant(node)
    return weights[0].data_type if weights else TensorProto.INT64


def _once(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple(dict.fromkeys(tensors))


def _total(counts: Iterable[int | None]) -> int | None:
    """Return the sum of `counts`; None if one of them is None."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _macs(node: NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    if node.op_type in _UNCOUNTED or not quantised.known(node):
        return None
    kind, operands = quantised.plain_kind(node), quantised.operands(node)
    if kind in ("Conv", "ConvTranspose", "Gemm", "MatMul") and not (len(operands) > 1 and node.output):
        return None
    if kind == "Conv":
        # Every output element is a sum over the window and the channels of its group.
        return _product(node.output[0], operands[1], shapes)
    if kind == "ConvTranspose":
        # Every input element is multiplied with the window and the output channels of its group.
        return _product(operands[0], operands[1], shapes)
    if kind in ("Gemm", "MatMul"):
        summed_axis = -2 if _transposes_a(node) else -1
        a, y = shapes.get(operands[0], ()), shapes.get(node.output[0])
        # The runtime refuses a transposed matrix of one dimension, and a number in place of a matrix.
        return None if len(a) < -summed_axis or y is None else math.prod(y) * a[summed_axis]
    return 0


def _product(elements_of: str, weight: str, shapes: Mapping[str, Shape]) -> int | None:
    x, w = shapes.get(elements_of), shapes.get(weight)
    return None if x is None or w is None else math.prod(x) * math.prod(w[1:])


def _transposes_a(node: NodeProto) -> bool:
    return any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
