"""Matching a runtime's steps with layers of one graph, or of one body (the graph inside a Loop, an If or a Scan), by
name.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from colocate.inference.onnx.graph import Layer
from colocate.inference.onnx.quantised import DEQUANTISER
from colocate.model.layers import standard_operator

# A fused or rewritten node is named after one of the nodes it replaces: "fused fc6", "relu1_nchwc", "conv1_quant",
# "product/MatMulAddFusion" (ONNX Runtime 1.19 and 1.20 add a slash). If the name is taken, a number is added.
_REWRITTEN = re.compile(
    r"(?:fused )?(?P<name>.+?)(?:/\w+Fusion/?)?(?:/duplicated)?(?P<quantised>_quant)?(?:_nchwc)?(?:_token_\d+)?"
)
# Names of a product that is fused with a sum and loses its own name: ONNX Runtime up to 1.18 always uses them, later
# releases if the product has no name. A rewritten node without a name is named by a number, or by its operator and a
# number; ONNX Runtime 1.19 always names quantised convolutions so.
_NAMELESS = re.compile(r"(?:fused )?(?:gemm|/MatMulAddFusion/?)?(?:_token_\d+)?")
# Operators that a runtime inserts itself: a step of one of these without a name is not from the network.
_PUT_IN = frozenset(("Cast", "Identity", "QuantizeLinear", "Transpose", DEQUANTISER))
# Operators that may have no step of their own, because they run inside the step before or are folded away.
_FOLLOWERS = frozenset((
    "Add", "BatchNormalization", "Cast", "Clip", "Dropout", "Flatten", "HardSigmoid", "Identity", "LeakyRelu", "Mul",
    "QuantizeLinear", "Relu", "Reshape", "Sigmoid", "Squeeze", "Sum", "Tanh", "Transpose", "Unsqueeze", DEQUANTISER,
))  # fmt: skip


class Ran(Protocol):
    """A step that a runtime ran; see `model.trial.Step` for `within` and `runs`."""

    @property
    def name(self) -> str:
        """The step's name, usually made of the names of the layers that it ran."""

    @property
    def kind(self) -> str:
        """The operator; empty if unknown."""

    @property
    def within(self) -> tuple[str, ...]:
        """The steps around it, the outermost first."""

    @property
    def runs(self) -> float:
        """How often it ran in one inference."""


def held(ran: Sequence[Ran], layers: Sequence[Layer]) -> tuple[tuple[str, ...], ...]:
    """Return for each step the names of the layers that it ran, in the network's order; empty if its name matches
    none.

    A step has the name of one of its layers, or of a tensor that the layer writes. The other layers were fused into
    such steps. A step whose operator differs from that of its named layer also ran the layers before that one, back
    to one that multiplies. Activations, sums and the like ran in the step of the layer that they read from; if they
    read several, in the last of these steps. A layer that dequantises is part of each step that reads it. Steps whose
    names are lost are matched by order if only one order is possible.
    """
    by_name = {layer.name: layer for layer in layers}
    named = {tensor.name: layer for layer in layers for tensor in layer.writes} | by_name
    holder: dict[str, int] = {}
    for index, step in enumerate(ran):
        for layer in _named(step, named):
            holder.setdefault(layer.name, index)
    holder.update(_in_turn(ran, layers, holder))
    for name, index in list(holder.items()):
        if ran[index].kind and standard_operator(by_name[name].kind) != standard_operator(ran[index].kind):
            holder.update(dict.fromkeys(_other_than_named(by_name[name], layers, holder), index))
    stepless = {layer.name for layer in layers if layer.kind == DEQUANTISER} - holder.keys()
    for layer in layers:
        if (
            layer.name not in holder
            and layer.kind in _FOLLOWERS
            and layer.inputs
            and holder.keys() >= {*layer.inputs}
        ):
            holder[layer.name] = max(holder[name] for name in layer.inputs)
    holders = {name: {index} for name, index in holder.items()}
    for name in stepless:
        readers = [layer.name for layer in layers if name in layer.inputs]
        if readers:
            holders[name] = {holder[reader] for reader in readers if reader in holder}
    own: defaultdict[int, list[str]] = defaultdict(list)
    for layer in layers:
        for index in holders.get(layer.name, ()):
            own[index].append(layer.name)
    return tuple(tuple(own[index]) for index in range(len(ran)))


def _named(step: Ran, named: Mapping[str, Layer]) -> Iterator[Layer]:
    """Yield the layers that a step is named after: TensorRT joins the names of all, ONNX Runtime uses one of them."""
    for name in (step.name, *step.name.split(" + ")):
        layer = named.get(name)
        rewritten = _REWRITTEN.fullmatch(name)
        if layer is None and rewritten:
            # The file's own name may end in `_quant` as well.
            own = rewritten["name"]
            layer = named.get(own + (rewritten["quantised"] or "")) or named.get(own)
        if layer is not None:
            yield layer


def _in_turn(ran: Sequence[Ran], layers: Sequence[Layer], holder: Mapping[str, int]) -> dict[str, int]:
    """Return the steps of the layers that no step is named after, by layer. Steps that lost their names are matched
    in order with these layers, if an operator has as many of both and each layer needs the one before it. Without
    that need, two branches could run in either order.
    """
    called = set(holder.values())
    lost: defaultdict[str, list[int]] = defaultdict(list)
    for index, step in enumerate(ran):
        after_kind = re.fullmatch(rf"{re.escape(step.kind)}(?:_\d+)?(?:_token_\d+)?", step.name)
        if index not in called and (after_kind or _NAMELESS.fullmatch(step.name)):
            lost[_product(step.kind)].append(index)
    found: dict[str, int] = {}
    for kind, indices in lost.items():
        if kind in _PUT_IN:
            continue
        names = [layer.name for layer in layers if _product(layer.kind) == kind and layer.name not in holder]
        if len(indices) == len(names) and all(b in _behind(a, layers) for a, b in itertools.pairwise(names)):
            found.update(zip(names, indices, strict=True))
    return found


def _product(kind: str) -> str:
    """Return the operator, with `Gemm` for all matrix products: runtimes turn a MatMul with a sum behind it into a
    Gemm.
    """
    plain = standard_operator(kind)
    return "Gemm" if plain == "MatMul" else plain


def _behind(name: str, layers: Sequence[Layer]) -> set[str]:
    """Return the layer `name` and all layers that need its output."""
    found = {name}
    for layer in layers:
        if not found.isdisjoint(layer.inputs):
            found.add(layer.name)
    return found


def _other_than_named(layer: Layer, layers: Sequence[Layer], holder: Mapping[str, int]) -> list[str]:
    """Return the other layers of a step that is named after `layer` but has another operator. They have no step of
    their own, and lead from `layer` back to one that multiplies. For a layer that dequantises, it is the layer that
    reads it.
    """
    by_name = {each.name: each for each in layers}
    if layer.kind == DEQUANTISER:
        readers = [each.name for each in layers if layer.name in each.inputs and each.name not in holder]
        return readers if len(readers) == 1 else []
    path: list[str] = []
    while layer.macs == 0:
        free = [name for name in layer.inputs if name not in holder]
        if not free:
            return []
        layer = by_name[free[-1]]
        path.append(layer.name)
    return path
