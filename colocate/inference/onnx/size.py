"""Checks of a graph's size before it is processed: a file of 2 KB may expand to millions of nodes."""

from __future__ import annotations

from collections.abc import Iterable

from onnx import ModelProto, NodeProto

from colocate.errors import SpecError
from colocate.inference.onnx.tensors import bodies_of

# The most nodes of a network after its functions are inlined. The largest that we have seen, language models of a
# hundred layers, have some 10,000.
NODES_MAX = 20_000
# Enough for the keys and values of a hundred layers.
INPUTS_MAX = 1000
# The most dimensions that a numpy array can have.
RANK_MAX = 64
# The deepest nesting of functions; exporters nest them a few deep.
DEPTH_MAX = 50
_Key = tuple[str, str, str]


def check(model: ModelProto) -> None:
    """Raise SpecError for a graph with more nodes, inputs or dimensions than any network has, and for functions that
    call themselves or are nested too deep.
    """
    functions = {(each.domain, each.name, each.overload): each.node for each in model.functions}
    counts: dict[_Key, int] = {}

    def of(nodes: Iterable[NodeProto], calls: int) -> int:
        if calls > DEPTH_MAX:
            raise SpecError(
                f"its functions lie more than {DEPTH_MAX} deep in each other, or call themselves; export it without"
            )
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type, node.overload)
            if key in functions:
                if key not in counts:
                    counts[key] = of(functions[key], calls + 1)
                total += counts[key]
            total += 1 + sum(of(body.node, calls) for body in bodies_of(node))
        return total

    # Functions that nothing calls count too, because they are read as well.
    stored = sum(len(nodes) for nodes in functions.values())
    found = max(of(model.graph.node, 0), stored)
    if found > NODES_MAX:
        opened = " once its functions are opened out" if functions else ""
        raise SpecError(f"it has {_number(found)} nodes{opened}, and {NODES_MAX} are the most that are read")
    _check_ranks(model)
    stored_names = {tensor.name for tensor in model.graph.initializer}
    inputs = sum(value.name not in stored_names for value in model.graph.input)
    if inputs > INPUTS_MAX:
        raise SpecError(f"it has {inputs} inputs, and {INPUTS_MAX} are the most that are fed")


def _check_ranks(model: ModelProto) -> None:
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in values}
    ranks |= {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    for name, rank in ranks.items():
        if rank > RANK_MAX:
            raise SpecError(f"its tensor {name[:60]!r} has {rank} dimensions, and {RANK_MAX} are the most")


def _number(count: int) -> str:
    return str(count) if count < 10**12 else f"{count:.0e}" if count < 10**300 else "more than 1e300"
