"""What the layers of an ONNX graph compute and move: exact, from shapes and element types alone."""

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

# Kinds that multiply and accumulate in a way that is not counted here.
_UNCOUNTED = frozenset(("Attention", "DeformConv", "Einsum", "GRU", "If", "LSTM", "Loop", "RNN", "Scan"))
# Kinds that list nothing but constants and still read more, or give another result each time.
_NEVER_CONSTANT = _UNCOUNTED | {"RandomNormal", "RandomUniform"}
# Integers of 64 bits are shapes, axes and indices, and booleans masks: constants, but no weights.
_NOT_WEIGHTS = (TensorProto.INT64, TensorProto.BOOL)


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph, or several that run as one. Counts are of one inference at the graph's own batch size.

    `reads` and `writes` are activations and `weights` constants, each tensor once; scales and zero points of
    quantised numbers are none. `inputs` names the layers that it reads from; the network's own input is none. `macs`
    (multiply-accumulates; 1 MAC = 2 FLOP) are None where a shape depends on the data or the kind is not counted.

    A Loop, an If or a Scan has `bodies`: the layers of each, counted once for each time that they run. What these
    read from the graph around them, it reads.
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

    @property
    def moved_bytes(self) -> int | None:
        """Bytes of all tensors that it reads and writes; None where the size of an activation is not known."""
        activations = _total(tensor.size_bytes for tensor in (*self.reads, *self.writes))
        return None if activations is None else activations + sum(tensor.size_bytes or 0 for tensor in self.weights)


def layers(model: Path | str | ModelProto) -> tuple[Layer, ...]:
    """The layers in the order in which they run. Nodes that only prepare constants are not layers.

    Raises SpecError for a path that is not a readable ONNX file.
    """
    return _layers(inferred(model).graph, Scope({}, {}, {}))


def layers_of_own(model: ModelProto) -> tuple[Layer, ...]:
    """As `layers`, of a graph that this program drew: it needs no child with limits to be read in."""
    return _layers(_inferred(model, "the network").graph, Scope({}, {}, {}))


def macs(found: Sequence[Layer]) -> int | None:
    """Multiply-accumulates of one inference; None where a layer's are not known."""
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
        """The layers `names` as if they ran as one, named after all of them but those that quantise.

        It reads what they do not make themselves, and writes what the rest of the network reads or nobody does (the
        network's output). What one of them dequantises for another is not written: whoever else reads it dequantises
        for itself. Raises ValueError for a name that is no layer.
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
    """The layers as if all their tensors were of this precision, as on a board that ran the network in it."""
    element_type = element_types.numbered(precision)

    def typed(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
        return tuple(tensor._replace(element_type=element_type) for tensor in tensors)

    return tuple(
        dataclasses.replace(layer, reads=typed(layer.reads), writes=typed(layer.writes), weights=typed(layer.weights))
        for layer in network
    )


def precision(network: Sequence[Layer]) -> str:
    """What the weights are stored as that activations are multiplied by: `int8`, or `mixed int8/fp32`, that of most
    first. Of a network that has none, what it computes with.
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
    """Weights and biases, each once, however many layers share it."""
    stored = [tensor for tensor in model.graph.initializer if tensor.data_type not in _NOT_WEIGHTS]
    written_out = [node for node in model.graph.node if node.op_type == "Constant"]
    tensors = [*stored, *(tensor for node in written_out for tensor in _weights_of_constant(node))]
    return sum(math.prod(tensor.dims) for tensor in tensors)


def inferred(model: Path | str | ModelProto) -> ModelProto:
    """The model with the shape of every tensor and its functions opened out; from a path, without larger weights.

    A node without a name is called as ONNX Runtime calls it in a profile, by its kind and number: `MatMul_3`; in a
    body numbers begin anew. Raises SpecError for a path that is not a readable ONNX file.
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
        # Shapes that contradict each other, names that are no text and types that do not exist are for the runtime to
        # judge. What it runs has layers of unknown sizes.
        found = ModelProto()
        found.CopyFrom(opened)
    for node, original in zip(found.graph.node, opened.graph.node, strict=True):
        if original.domain == quantised.RUNTIME_DOMAIN:
            node.CopyFrom(original)
    # What a runtime opens out, it numbers in a way of its own.
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
        # A node's name may be absent or taken; a tensor's never is.
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
    """The stored type of a constant that `node` prepares: a dequantised constant, reshaped or not, stays in its
    integers.
    """
    if not read_names:
        return _constant_type(node)
    first, computed = read_names[0], scope.types.get(written)
    if node.op_type == quantised.DEQUANTISER or computed in (None, 0, scope.types.get(first)):
        return scope.stored[first]
    assert computed is not None, "checked above"
    return computed


def _number(graph: GraphProto) -> None:
    """Name the nodes that have no name; written-out constants are no nodes to a runtime."""
    for number, node in enumerate(node for node in graph.node if node.op_type != "Constant"):
        node.name = node.name or f"{node.op_type}_{number}"
        for body in bodies_of(node):
            _number(body)


def _everywhere(network: Iterable[Layer]) -> Iterator[Layer]:
    """All layers, those of bodies included."""
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
    """Element type of a Constant: one that holds no tensor of weights counts as an integer."""
    weights = _weights_of_constant(node)
    return weights[0].data_type if weights else TensorProto.INT64


def _once(tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    return tuple(dict.fromkeys(tensors))


def _total(counts: Iterable[int | None]) -> int | None:
    """The sum of the numbers; None where one of them is not known."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _macs(node: NodeProto, shapes: Mapping[str, Shape]) -> int | None:
    if node.op_type in _UNCOUNTED or not quantised.known(node):
        return None
    kind, operands = quantised.plain_kind(node), quantised.operands(node)
    if kind in ("Conv", "ConvTranspose", "Gemm", "MatMul") and not (len(operands) > 1 and node.output):
        return None
    if kind == "Conv":
        # Every output element is a sum over the channels of its group and the window.
        return _product(node.output[0], operands[1], shapes)
    if kind == "ConvTranspose":
        # Every input element is spread over the channels of its group and the window.
        return _product(operands[0], operands[1], shapes)
    if kind in ("Gemm", "MatMul"):
        summed_axis = -2 if _transposes_a(node) else -1
        a, y = shapes.get(operands[0], ()), shapes.get(node.output[0])
        # A matrix of one dimension that is transposed, or a number in place of one, is for the runtime to refuse.
        return None if len(a) < -summed_axis or y is None else math.prod(y) * a[summed_axis]
    return 0


def _product(elements_of: str, weight: str, shapes: Mapping[str, Shape]) -> int | None:
    x, w = shapes.get(elements_of), shapes.get(weight)
    return None if x is None or w is None else math.prod(x) * math.prod(w[1:])


def _transposes_a(node: NodeProto) -> bool:
    return any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
