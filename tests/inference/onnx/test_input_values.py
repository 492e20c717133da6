"""Values of inputs: inside the tables that they index, ones in masks, and what a scalar is compared with."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.onnx.input_values import dtype_of, filled
from colocate.model.request import InputChoice
from colocate.worker.request import TensorSpec
from tests.inference.own_files import INT64, value


def graph(*nodes: NodeProto, **stored: object) -> GraphProto:
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in stored.items()]
    return helper.make_graph(nodes, "g", [], [], tensors)


def spec(
    made: GraphProto, kind: int = INT64, shape: tuple[int, ...] = (2, 8), name: str = "ids",
    choice: InputChoice | None = None,
) -> TensorSpec:  # fmt: skip
    return filled(made, value(name, shape, kind), shape, choice)


TABLE = np.zeros((30, 4), np.float32)


@pytest.mark.parametrize(
    ("nodes", "rows"),
    [
        ([helper.make_node("Gather", ["table", "ids"], ["y"])], 30),
        ([helper.make_node("Gather", ["table", "ids"], ["y"], axis=1)], 4),
        # Whatever changes its type or shape on the way.
        (
            [
                helper.make_node("Cast", ["ids"], ["wide"], to=INT64),
                helper.make_node("Reshape", ["wide", "flat"], ["row"]),
                helper.make_node("Gather", ["table", "row"], ["y"]),
            ],
            30,
        ),
        # The smallest of several.
        ([helper.make_node("Gather", [name, "ids"], [f"y.{name}"]) for name in ("table", "small")], 2),
        # A table that is stored in another type.
        (
            [
                helper.make_node("DequantizeLinear", ["small", "scale"], ["wide"]),
                helper.make_node("Gather", ["wide", "ids"], ["y"]),
            ],
            2,
        ),
        ([helper.make_node("OneHot", ["ids", "depth", "values"], ["y"])], 7),
        (
            [helper.make_node("EmbedLayerNormalization", ["ids", "ids", "table", "", "small"], ["y"],
                              domain="com.microsoft")],
            2,
        ),
    ],
)  # fmt: skip
def test_indices_are_below_the_rows_of_the_smallest_table(nodes: list[NodeProto], rows: int) -> None:
    made = graph(*nodes, table=TABLE, small=TABLE[:2], flat=[-1], scale=np.float32(1), depth=[7], values=[0.0, 1.0])
    found = spec(made)
    assert (found.low, found.high, found.constant) == (0, rows, None)


def test_a_table_may_lie_outside_the_body_that_reads_it() -> None:
    inner = helper.make_graph([helper.make_node("Gather", ["table", "ids"], ["y"])], "body", [], [])
    branch = helper.make_node("If", ["condition"], ["z"], then_branch=inner, else_branch=inner)
    assert spec(graph(branch, table=TABLE)).high == 30
    within = helper.make_graph(inner.node, "body", [], [], [numpy_helper.from_array(TABLE[:5], "table")])
    branch = helper.make_node("If", ["condition"], ["z"], then_branch=within, else_branch=within)
    assert spec(graph(branch)).high == 5


def test_integers_that_index_nothing_are_small_and_not_zero() -> None:
    assert (spec(graph()).low, spec(graph()).high) == (1, 10)
    bytes_ = spec(graph(), TensorProto.UINT8)
    assert (bytes_.low, bytes_.high) == (1, 128)


@pytest.mark.parametrize(
    ("name", "kind", "shape"),
    [
        ("attention_mask", INT64, (2, 8)),
        ("Mask", TensorProto.FLOAT, (2, 8)),
        ("flags", TensorProto.BOOL, (2, 8)),
        ("gain", TensorProto.FLOAT, ()),
    ],
)
def test_masks_booleans_and_scalars_are_ones(name: str, kind: int, shape: tuple[int, ...]) -> None:
    assert spec(graph(), kind, shape, name).constant == 1


@pytest.mark.parametrize("op", ["Equal", "Less", "GreaterOrEqual"])
def test_a_scalar_is_what_it_is_compared_with(op: str) -> None:
    made = graph(helper.make_node(op, ["ids", "rate"], ["y"]), rate=[16000])
    assert spec(made, shape=()).constant == 16000
    # An array of scalars is another thing.
    assert spec(made).constant is None
    several = graph(helper.make_node(op, ["ids", "rates"], ["y"]), rates=[8000, 16000])
    assert spec(several, shape=()).constant == 1


@pytest.mark.parametrize(
    ("kind", "number", "holds"),
    [
        (TensorProto.UINT8, 255.0, True),
        (TensorProto.UINT8, 256.0, False),
        (TensorProto.UINT8, -1.0, False),
        (INT64, 1.5, False),
        (INT64, 2.0**63, False),
        (TensorProto.BOOL, 2.0, False),
        (TensorProto.FLOAT, 0.1, True),
        (TensorProto.FLOAT16, 1e6, False),
    ],
)
def test_a_number_that_the_input_cannot_hold_is_refused_and_never_guessed(
    kind: int, number: float, holds: bool
) -> None:
    made = graph(helper.make_node("Equal", ["ids", "rate"], ["y"]), rate=[number])
    assert spec(made, kind, ()).constant == (number if holds else 1)
    if holds:
        assert spec(graph(), kind, choice=InputChoice("ids", value=number)).constant == number
        return
    with pytest.raises(SpecError, match=r"--input ids=.*: the input is of \w+, which cannot hold that number"):
        spec(graph(), kind, choice=InputChoice("ids", value=number))


def test_a_table_of_no_rows_is_for_the_runtime_to_refuse() -> None:
    made = graph(helper.make_node("Gather", ["table", "ids"], ["y"]), table=TABLE[:0])
    assert (spec(made).low, spec(made).high) == (0, 1)


def test_floats_are_drawn() -> None:
    assert spec(graph(), TensorProto.FLOAT, name="x") == TensorSpec("x", (2, 8), "float32")


def test_a_choice_goes_before_every_guess() -> None:
    made = graph(helper.make_node("Gather", ["table", "ids"], ["y"]), table=TABLE)
    assert spec(made, choice=InputChoice("ids", value=3.0)).constant == 3
    assert spec(made, choice=InputChoice("ids", value="/a/b.npy")).file == "/a/b.npy"
    assert spec(made, choice=InputChoice("ids", (2, 8))).high == 30


@pytest.mark.parametrize(
    "kind", [TensorProto.STRING, TensorProto.BFLOAT16, TensorProto.COMPLEX64, TensorProto.FLOAT8E4M3FN, 99]
)
def test_what_is_neither_number_nor_boolean_cannot_be_fed(kind: int) -> None:
    with pytest.raises(SpecError, match=r"input 'x' is of type [a-z0-9 ]+, which cannot be fed"):
        dtype_of(value("x", [1], kind))
