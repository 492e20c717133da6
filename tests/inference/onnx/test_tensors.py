"""What is known of tensors: sizes by type, scopes of bodies, and what a Loop carries out."""

from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto

from colocate.inference.onnx.tensors import Scope, Tensor, bodies_of, captured_by, declare_carried, fixed
from tests.inference.onnx.files import SIDE, alternating, chosen, looping, scanning


@pytest.mark.parametrize(
    ("element_type", "elements", "size_bytes"),
    [
        (TensorProto.FLOAT, 3, 12),
        (TensorProto.UINT8, 3, 3),
        # Two of 4 bits share a byte.
        (TensorProto.UINT4, 3, 2),
        (TensorProto.STRING, 3, None),
        (None, 3, None),
        (TensorProto.FLOAT, None, None),
    ],
)
def test_sizes(element_type: int | None, elements: int | None, size_bytes: int | None) -> None:
    assert Tensor("t", elements, element_type).size_bytes == size_bytes


@pytest.mark.parametrize(
    ("model", "kind", "captured"),
    [
        (looping(), "Loop", {"w"}),
        (chosen(), "If", {"x", "w"}),
        (scanning(), "Scan", {"w"}),
        # Through the If in its body.
        (alternating(), "Loop", {"w", "two"}),
    ],
)
def test_a_body_reads_from_the_graph_around_it(model: onnx.ModelProto, kind: str, captured: set[str]) -> None:
    (node,) = (node for node in model.graph.node if node.op_type == kind)
    assert set(captured_by(node)) == captured
    assert len(bodies_of(node)) == (2 if kind == "If" else 1)


def test_a_body_knows_what_the_graph_around_it_knows() -> None:
    model = looping()
    around = Scope({}, {}, {}).inside(model.graph)
    (body,) = bodies_of(model.graph.node[1])
    inside = around.inside(body)
    assert [tensor.size_bytes for tensor in inside.tensors(["w", "v", "w"])] == [4 * SIDE**2] * 2
    assert inside.stored == around.stored and "v" not in around.shapes


def test_what_a_loop_carries_out_has_the_shape_that_its_body_keeps() -> None:
    model = looping()
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("l", TensorProto.FLOAT, None))
    (carried,) = model.graph.value_info
    assert not fixed(carried)
    assert declare_carried(model.graph) and fixed(carried)
    assert not declare_carried(model.graph), "there is nothing more to declare"


def test_a_body_that_changes_a_shape_is_not_believed() -> None:
    model = looping()
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("l", TensorProto.FLOAT, None))
    (body,) = bodies_of(model.graph.node[1])
    body.output[1].type.tensor_type.shape.dim[0].dim_value = SIDE + 1
    assert not declare_carried(model.graph)
