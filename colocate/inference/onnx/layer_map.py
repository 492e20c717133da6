"""Which layers of a network each step of a runtime ran. They are matched by name, separately in each body (the graph
inside a Loop, an If or a Scan).
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from onnx import ValueInfoProto

from colocate.inference.onnx import graph, onnx_file
from colocate.inference.onnx.graph import Layer
from colocate.inference.onnx.matching import Ran, held
from colocate.inference.onnx.tensors import Tensor, fixed
from colocate.model.layers import FusedLayer

# Layers that move no data: a runtime has no step for them.
_FREE = frozenset(("Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"))


class AssumedStep(NamedTuple):
    """A step that a runtime is assumed to run, named after its layer; the fields are those of `model.trial.Step`."""

    name: str
    kind: str
    within: tuple[str, ...] = ()
    runs: float = 1.0


def fused_layers(ran: Sequence[Ran], layers: Sequence[Layer]) -> tuple[FusedLayer, ...]:
    """Return one layer per step that ran, in order and without times, then the layers that match no step.

    The steps in the body of a Loop, an If or a Scan follow the step around them. They are matched only with layers of
    that body, and count the FLOP and bytes of all their runs. A branch that did not run has no layers here.
    """
    return tuple(_fused_layers(ran, layers, ()))


def commonly_fused(layers: Sequence[Layer]) -> tuple[AssumedStep, ...]:
    """Return the steps to assume for a runtime that reports none: one per layer, without layers that move no data and
    without a Relu right after a Conv or Gemm, which every runtime fuses. A layer with a body is one step.
    """
    kinds = {layer.name: layer.kind for layer in layers}
    return tuple(
        AssumedStep(layer.name, layer.kind)
        for layer in layers
        if layer.kind not in _FREE
        and not (layer.kind == "Relu" and len(layer.inputs) == 1 and kinds[layer.inputs[0]] in ("Conv", "Gemm"))
    )


def launch_overhead(model: Path) -> FusedLayer | None:
    """Return what a network on a GPU does besides its layers: the launch, and the copies of its input and output.

    None if a shape depends on the data or a type is unknown.
    """
    plain = graph.inferred(model)
    values = [*onnx_file.inputs(model, plain), *plain.graph.output]
    sizes_bytes = [size for value in values if (size := _bytes(value)) is not None]
    if len(sizes_bytes) < len(values):
        return None
    return FusedLayer("launch, input and output", "MemcpyFromHost+MemcpyToHost", (), None, sum(sizes_bytes))


def _bytes(value: ValueInfoProto) -> int | None:
    tensor = value.type.tensor_type
    elements = math.prod(dim.dim_value for dim in tensor.shape.dim)
    return Tensor(value.name, elements, tensor.elem_type).size_bytes if fixed(value) else None


def _fused_layers(ran: Sequence[Ran], layers: Sequence[Layer], within: tuple[str, ...]) -> Iterator[FusedLayer]:
    index = graph.LayerIndex(layers)
    inside_steps: defaultdict[tuple[str, ...], list[Ran]] = defaultdict(list)
    for step in ran:
        inside_steps[step.within].append(step)
    own, matched = inside_steps[within], set[str]()
    for step, names in zip(own, held(own, layers), strict=True):
        layer = index.fused(names) if names else None
        matched.update(names)
        inside = (*within, step.name)
        has_body = inside in inside_steps
        yield _fused_layer(step, layer, names, has_body=has_body)
        if has_body:
            bodies = [] if layer is None else layer.bodies
            yield from _fused_layers(ran, _body_that_ran(inside_steps[inside], bodies), inside)
    for layer in layers:
        if layer.name not in matched:
            flop = None if layer.macs is None else 2 * layer.macs
            yield FusedLayer(layer.name, layer.kind, (layer.name,), flop, layer.moved_bytes, within=within)


def _fused_layer(step: Ran, layer: Layer | None, names: tuple[str, ...], *, has_body: bool) -> FusedLayer:
    if layer is None:
        return FusedLayer(step.name, step.kind, (), None, None, step=step.name, within=step.within)
    flop = None if layer.macs is None else round(2 * layer.macs * step.runs)
    moved_bytes = None if layer.moved_bytes is None else round(layer.moved_bytes * step.runs)
    if has_body:
        # The layers of the body have entries of their own.
        flop, moved_bytes = 0, 0
    return FusedLayer(layer.name, layer.kind, names, flop, moved_bytes, step=step.name, within=step.within)


def _body_that_ran(ran: Sequence[Ran], bodies: Sequence[Sequence[Layer]]) -> Sequence[Layer]:
    """Return the layers of the body that the steps `ran` belong to. Of an If's two bodies this is the one that leaves
    the fewest steps, and then the fewest layers, without a match. If both ran by turns or match equally well, return
    only those layers whose name stands for the same work in every body that has it.
    """
    if len(bodies) < 2:
        return bodies[0] if bodies else ()

    def unexplained(body: Sequence[Layer]) -> tuple[int, int]:
        found = held(ran, body)
        return sum(not names for names in found), len(body) - len({name for names in found for name in names})

    works: defaultdict[str, set[tuple[str, int | None, int | None]]] = defaultdict(set)
    for layer in itertools.chain(*bodies):
        works[layer.name].add((layer.kind, layer.macs, layer.moved_bytes))
    certain = {layer.name: layer for layer in itertools.chain(*bodies) if len(works[layer.name]) == 1}
    first, second, *_ = sorted(bodies, key=unexplained)
    runs = {step.runs for step, names in zip(ran, held(ran, first), strict=True) if names}
    in_turn = len(runs) > 1 or unexplained([*certain.values()])[0] < unexplained(first)[0]
    return [*certain.values()] if in_turn or unexplained(first) == unexplained(second) else first
