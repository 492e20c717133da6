"""What is known about the tensors of a graph before it runs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from onnx import GraphProto, NodeProto, ValueInfoProto

from colocate.inference.onnx import element_types

Shape = tuple[int, ...]
# No memory holds a larger tensor: a larger shape is damaged and counts as unknown.
_ELEMENTS_MAX = 2**60


class Tensor(NamedTuple):
    """A tensor that a layer reads or writes. `elements` is None if the shape depends on the data, and `element_type`
    (of TensorProto) if the graph does not give it. For a constant, the type is that in which it is stored.
    """

    name: str
    elements: int | None
    element_type: int | None

    @property
    def size_bytes(self) -> int | None:
        """Elements times their width, rounded up: two elements of 4 bits share a byte. None if either is unknown."""
        width = None if self.element_type is None else element_types.bits(self.element_type)
        return None if width is None or self.elements is None else -(-width * self.elements // 8)


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known, by name, about the tensors of a graph and the graphs around it: fixed `shapes`, element `types`,
    and the types in which constants are `stored`.
    """

    shapes: dict[str, Shape]
    types: dict[str, int]
    stored: dict[str, int]

    def inside(self, graph: GraphProto) -> Scope:
        """Return what is known inside `graph`, which lies in this scope."""
        # The last entry for a tensor counts: declared inputs override inferred shapes.
        values = [*graph.output, *graph.value_info, *graph.input]
        stored = {tensor.name: tensor.data_type for tensor in graph.initializer}
        said = {v.name: tuple(dim.dim_value for dim in v.type.tensor_type.shape.dim) for v in values if fixed(v)}
        said |= {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
        shapes = {name: shape for name, shape in said.items() if math.prod(shape) <= _ELEMENTS_MAX}
        return Scope(
            {**self.shapes, **shapes},
            {**self.types, **{v.name: v.type.tensor_type.elem_type for v in values}, **stored},
            {**self.stored, **stored},
        )

    def tensors(self, names: Iterable[str]) -> tuple[Tensor, ...]:
        """Return the tensors of these names, each once."""
        return tuple(
            Tensor(
                name,
                math.prod(self.shapes[name]) if name in self.shapes else None,
                self.stored.get(name, self.types.get(name)) or None,
            )
            for name in dict.fromkeys(names)
        )


def fixed(value: ValueInfoProto) -> bool:
    """Whether the shape of a tensor is known before it is computed."""
    tensor = value.type.tensor_type
    return bool(tensor.HasField("shape")) and all(dim.HasField("dim_value") for dim in tensor.shape.dim)


def bodies_of(node: NodeProto) -> list[GraphProto]:
    """Return the bodies of a node: the graphs that a Loop, an If or a Scan runs."""
    return [attribute.g for attribute in node.attribute if attribute.HasField("g")]


def input_of(node: NodeProto, index: int) -> str:
    """Return the name of a node's input at `index`; empty if there is none."""
    name: str = node.input[index] if index < len(node.input) else ""
    return name


def captured_by(node: NodeProto) -> list[str]:
    """Return the tensors of the surrounding graph that the bodies of a node read."""
    found: dict[str, None] = {}
    for body in bodies_of(node):
        own = {value.name for value in (*body.input, *body.initializer)}
        own |= {name for inner in body.node for name in inner.output}
        read_names = [name for inner in body.node for name in (*inner.input, *captured_by(inner))]
        read_names += [value.name for value in body.output]
        found.update(dict.fromkeys(name for name in read_names if name and name not in own))
    return list(found)


def declare_carried(graph: GraphProto) -> bool:
    """Fix the open shapes of tensors that a Loop carries from run to run, and return whether there were any. Such a
    tensor has the shape that the body declares for both its input and its output. Shape inference leaves it open,
    because a body may change it.
    """
    changed = False
    values = {value.name: value for value in (*graph.value_info, *graph.output)}
    for node in graph.node:
        for body in bodies_of(node):
            changed |= declare_carried(body)
        bodies = bodies_of(node)
        if node.op_type != "Loop" or len(bodies) != 1:
            continue
        # A body's first inputs are the iteration number and a condition, and its first output is a condition.
        (body,) = bodies
        for name, taken, given in zip(node.output, body.input[2:], body.output[1:], strict=False):
            value = values.get(name)
            if value is not None and not fixed(value) and fixed(taken) and taken.type == given.type:
                value.type.CopyFrom(given.type)
                changed = True
    return changed
