"""Quantised operators: what they read beside scales and zero points, and the shapes that they give."""

from __future__ import annotations

import onnx
import pytest
from onnx import helper

from colocate.inference.onnx import graph
from colocate.inference.onnx.quantised import known, operands, plain_kind, with_plain_nodes
from tests.inference.onnx.files import quantised_operators


def node(kind: str, inputs: str, domain: str = "") -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), ["y"], domain=domain)


@pytest.mark.parametrize(
    ("kind", "inputs", "plain", "read"),
    [
        ("QLinearConv", "x xs xz w ws wz ys yz b", "Conv", "x w b"),
        ("QLinearConv", "x xs xz w ws wz ys yz", "Conv", "x w"),
        ("QLinearMatMul", "a as az b bs bz ys yz", "MatMul", "a b"),
        ("MatMulInteger", "a b az bz", "MatMul", "a b"),
        ("QLinearConcat", "ys yz a as az b bs bz", "Concat", "a b"),
        ("DequantizeLinear", "x xs xz", "DequantizeLinear", "x"),
        ("Conv", "x w b", "Conv", "x w b"),
    ],
)
def test_scales_and_zero_points_are_no_operands(kind: str, inputs: str, plain: str, read: str) -> None:
    found = node(kind, inputs)
    assert (plain_kind(found), operands(found)) == (plain, read.split())


def test_what_is_known() -> None:
    assert known(node("Conv", "x w")) and known(node("QGemm", "a as az b bs bz", "com.microsoft"))
    assert not known(node("QAttention", "x", "com.microsoft")) and not known(node("Conv", "x w", "mine"))


def test_the_runtimes_own_operators_give_shapes_and_stay_what_they_are() -> None:
    model = quantised_operators()
    before = model.SerializeToString()
    total = next(layer for layer in graph.layers(model) if layer.name == "sum_quant")
    assert (total.kind, total.output_elements, total.macs) == ("QLinearAdd", 4 * 8 * 8, 0)
    assert [each.op_type for each in graph.inferred(model).graph.node] == [each.op_type for each in model.graph.node]
    assert model.SerializeToString() == before
    plain = model.graph.node[0]
    assert with_plain_nodes(helper.make_model(helper.make_graph([plain], "g", [], []))).graph.node[0] == plain


def test_a_product_of_integers_without_an_output_scale_gives_numbers_of_unknown_shape() -> None:
    own = helper.make_node("QGemm", ["a", "as", "az", "b", "bs", "bz"], ["y"], domain="com.microsoft")
    model = helper.make_model(helper.make_graph([own], "g", [], []))
    assert with_plain_nodes(model).graph.node[0].op_type == "QGemm"
