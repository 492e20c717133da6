"""Graphs that are larger than they look are refused with the number that is too large, before anything runs."""

from __future__ import annotations

import pytest
from onnx import ModelProto, TensorProto, helper

from colocate.errors import SpecError
from colocate.inference.onnx import size

OPSETS = [helper.make_opsetid("", 13), helper.make_opsetid("own", 1)]
ENDS = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 8]) for name in "xy"]


def chain(count: int) -> ModelProto:
    names = ["x", *(f"t{number}" for number in range(1, count)), "y"]
    nodes = [helper.make_node("Sin", [names[i]], [names[i + 1]]) for i in range(count)]
    return helper.make_model(helper.make_graph(nodes, "g", ENDS[:1], ENDS[1:]), opset_imports=OPSETS[:1])


def nested(depth: int, calls: int = 2) -> ModelProto:
    """Functions, each of which calls the one before so many times: `calls` to the power of `depth` nodes."""
    functions = []
    for level in range(depth):
        kind, domain = ("Sin", "") if level == 0 else (f"f{level - 1}", "own")
        names = ["a", *(f"t{number}" for number in range(1, calls)), "b"]
        nodes = [helper.make_node(kind, [names[i]], [names[i + 1]], domain=domain) for i in range(calls)]
        functions.append(helper.make_function("own", f"f{level}", ["a"], ["b"], nodes, OPSETS))
    call = helper.make_node(f"f{depth - 1}", ["x"], ["y"], domain="own")
    graph = helper.make_graph([call], "g", ENDS[:1], ENDS[1:])
    return helper.make_model(graph, opset_imports=OPSETS, functions=functions)


def test_a_large_network_passes() -> None:
    size.check(chain(size.NODES_MAX))
    size.check(nested(10))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (chain(size.NODES_MAX + 1), f"it has {size.NODES_MAX + 1} nodes, and {size.NODES_MAX} are the most"),
        (nested(23), "it has 16777215 nodes once its functions are opened out"),
        (nested(45), "it has 7e.13 nodes once"),
        (nested(40, 1000), "it has 1e.120 nodes once"),
        (nested(size.DEPTH_MAX + 1), f"its functions lie more than {size.DEPTH_MAX} deep"),
        (nested(2000), "its functions lie more than"),
    ],
)
def test_a_number_that_is_too_large_is_said(model: ModelProto, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        size.check(model)


def test_a_function_that_calls_itself_is_refused() -> None:
    model = nested(2)
    model.functions[0].node[0].CopyFrom(helper.make_node("f1", ["a"], ["t1"], domain="own"))
    with pytest.raises(SpecError, match="or call themselves"):
        size.check(model)


def test_functions_that_nothing_calls_count() -> None:
    model = nested(1)
    for _ in range(size.NODES_MAX):
        model.functions[0].node.add(op_type="Sin", input=["a"], output=["unused"])
    model.graph.node[0].CopyFrom(helper.make_node("Sin", ["x"], ["y"]))
    with pytest.raises(SpecError, match=f"it has {size.NODES_MAX + 2} nodes"):
        size.check(model)


def test_more_inputs_than_any_network_has_are_refused() -> None:
    model = chain(2)
    model.graph.input.extend(
        helper.make_tensor_value_info(f"x{number}", TensorProto.FLOAT, [1]) for number in range(size.INPUTS_MAX)
    )
    with pytest.raises(SpecError, match=f"it has {size.INPUTS_MAX + 1} inputs, and {size.INPUTS_MAX} are the most"):
        size.check(model)
    # Older files list their weights among the inputs.
    model.graph.initializer.extend(TensorProto(name=value.name) for value in model.graph.input[1:])
    size.check(model)


@pytest.mark.parametrize("index", [0, 1])
def test_more_dimensions_than_any_array_has_are_refused(index: int) -> None:
    model = chain(1)
    value = (*model.graph.input, *model.graph.output)[index]
    for _ in range(50_000):
        value.type.tensor_type.shape.dim.add(dim_value=2**31)
    with pytest.raises(SpecError, match=f"its tensor '{value.name}' has 50002 dimensions, and {size.RANK_MAX} are"):
        size.check(model)
