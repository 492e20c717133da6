"""Which layers of a network each step of a runtime ran, by the names of both."""

from __future__ import annotations

import itertools
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from onnx import ValueInfoProto, helper

from colocate.inference.onnx import graph, onnx_file
from colocate.inference.onnx.graph import Layer
from colocate.model.layers import FusedLayer

# A fused or rewritten node is called after one of those it replaces: "fused fc6", "relu1_nchwc",
# "product/MatMulAddFusion" (ONNX Runtime 1.19 and 1.20 add a slash); a number is added where that name is taken.
_REWRITTEN = re.compile(r"(?:fused )?(?P<name>.+?)(?:/\w+Fusion/?)?(?:_nchwc)?(?:_token_\d+)?")
# What a product fused with a sum is called where its own name is lost: by ONNX Runtime up to 1.18 always, by later
# releases where the product has none.
_NAMELESS = re.compile(r"(?:fused )?(?:gemm|/MatMulAddFusion/?)(?:_token_\d+)?")
# What runs inside the step before it, or is folded away, and so may have no step of its own.
_FOLLOWERS = frozenset((
    "Add", "BatchNormalization", "Cast", "Clip", "Dropout", "Flatten", "HardSigmoid", "Identity", "LeakyRelu", "Mul",
    "Relu", "Reshape", "Sigmoid", "Squeeze", "Sum", "Tanh", "Transpose", "Unsqueeze",
))  # fmt: skip


# Layers that move no data: a runtime has no step for them.
_FREE = frozenset(("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"))


class Ran(Protocol):
    """A step that a runtime ran; `kind` is its operator, empty where that is not known."""

    @property
    def name(self) -> str:
        """Mostly made of the names of what it ran."""

    @property
    def kind(self) -> str:
        """The operator."""


def held(ran: Sequence[Ran], layers: Sequence[Layer]) -> tuple[tuple[str, ...], ...]:
    """The layers that each step ran, by name, in the network's order; none where its name is no help.

    A step has the name of one of its layers, or of a tensor that the layer writes. Layers that no step is called
    after were fused into one that is: where a step multiplies and the layer it is called after does not, back to
    the one that does; activations, sums and the like with what they read, and of several with the last to run.
    Products whose steps lost their names are matched by their order, where they can run in no other.
    """
    by_name = {layer.name: layer for layer in layers}
    named = {tensor.name: layer for layer in layers for tensor in layer.writes} | by_name
    holder: dict[str, int] = {}
    for index, step in enumerate(ran):
        for layer in _named(step, named):
            holder.setdefault(layer.name, index)
    holder.update(_in_turn(ran, layers, holder))
    for name, index in list(holder.items()):
        if ran[index].kind and by_name[name].kind != ran[index].kind:
            holder.update(dict.fromkeys(_before(by_name[name], by_name, holder), index))
    for layer in layers:
        if (
            layer.name not in holder
            and layer.kind in _FOLLOWERS
            and layer.inputs
            and holder.keys() >= {*layer.inputs}
        ):
            holder[layer.name] = max(holder[name] for name in layer.inputs)
    own: defaultdict[int, list[str]] = defaultdict(list)
    for layer in layers:
        if layer.name in holder:
            own[holder[layer.name]].append(layer.name)
    return tuple(tuple(own[index]) for index in range(len(ran)))


def fused_layers(ran: Sequence[Ran], layers: Sequence[Layer], width_bytes: int) -> tuple[FusedLayer, ...]:
    """What ran, in order, without times: one layer per step, then the layers that no step could be matched with.

    `width_bytes` is of one element of activations and weights.
    """
    found = []
    for step, names in zip(ran, held(ran, layers), strict=True):
        if names:
            found.append(_fused_layer(graph.fused(layers, names), names, width_bytes, step.name))
        else:
            found.append(FusedLayer(step.name, step.kind, (), None, None, step=step.name))
    matched = {name for fused in found for name in fused.layers}
    left = [layer for layer in layers if layer.name not in matched]
    return (*found, *(_fused_layer(layer, (layer.name,), width_bytes, None) for layer in left))


def commonly_fused(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers that a step is named after in a runtime that reports none: all but those that move no data, and
    activations behind what multiplies, which every runtime runs as part of it.
    """
    kinds = {layer.name: layer.kind for layer in layers}
    return tuple(
        layer
        for layer in layers
        if layer.kind not in _FREE
        and not (layer.kind == "Relu" and len(layer.inputs) == 1 and kinds[layer.inputs[0]] in ("Conv", "Gemm"))
    )


def launch_overhead(model: Path) -> FusedLayer | None:
    """What a network on a GPU does beside its layers: it is launched, takes its input and gives its output.

    None where a shape depends on the data.
    """
    plain = graph.inferred(model)
    values = [*onnx_file.inputs(model, plain), *plain.graph.output]
    if not all(graph.fixed(value) for value in values):
        return None
    return FusedLayer("launch, input and output", "MemcpyFromHost+MemcpyToHost", (), None, sum(map(_bytes, values)))


def _bytes(value: ValueInfoProto) -> int:
    tensor = value.type.tensor_type
    elements = math.prod(dim.dim_value for dim in tensor.shape.dim)
    return int(elements * helper.tensor_dtype_to_np_dtype(tensor.elem_type).itemsize)


def _named(step: Ran, named: Mapping[str, Layer]) -> Iterator[Layer]:
    """The layers that a step is called after: TensorRT joins the names of all, ONNX Runtime takes one of them."""
    for name in (step.name, *step.name.split(" + ")):
        rewritten = _REWRITTEN.fullmatch(name)
        layer = named.get(name) or (named.get(rewritten["name"]) if rewritten else None)
        if layer is not None:
            yield layer


def _in_turn(ran: Sequence[Ran], layers: Sequence[Layer], holder: Mapping[str, int]) -> dict[str, int]:
    """The steps of the products that no step is called after, by name: those that lost their names, in order, where
    there are as many and each product needs the one before it. Of two branches either may run first.
    """
    called = set(holder.values())
    steps = [index for index, step in enumerate(ran) if index not in called and _NAMELESS.fullmatch(step.name)]
    products = [layer.name for layer in layers if layer.kind == "MatMul" and layer.name not in holder]
    if len(steps) != len(products) or any(b not in _behind(a, layers) for a, b in itertools.pairwise(products)):
        return {}
    return dict(zip(products, steps, strict=True))


def _behind(name: str, layers: Sequence[Layer]) -> set[str]:
    """The layer `name` and all that need its output."""
    found = {name}
    for layer in layers:
        if not found.isdisjoint(layer.inputs):
            found.add(layer.name)
    return found


def _before(layer: Layer, by_name: Mapping[str, Layer], holder: Mapping[str, int]) -> list[str]:
    """The layers that no step is called after, from `layer` back to one that multiplies; none where there is none."""
    path: list[str] = []
    while layer.macs == 0:
        free = [name for name in layer.inputs if name not in holder]
        if not free:
            return []
        layer = by_name[free[-1]]
        path.append(layer.name)
    return path


def _fused_layer(layer: Layer, names: tuple[str, ...], width_bytes: int, step: str | None) -> FusedLayer:
    flop = None if layer.macs is None else 2 * layer.macs
    moved = (layer.input_elements, layer.output_elements)
    elements = None if None in moved else sum(filter(None, moved)) + layer.weight_elements
    moved_bytes = None if elements is None else width_bytes * elements
    return FusedLayer(layer.name, layer.kind, names, flop, moved_bytes, step=step)
