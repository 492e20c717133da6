from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import builtin_names, skeleton
from colocate.inference.onnx import graph
from tests.inference.onnx.files import half, looping, quantised_by_pairs, quantised_operators, scanning
from tests.inference.onnx.test_size import nested


def value(name: str, *shape: int | str, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def weight(name: str, *shape: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ones(shape, np.float32), name)


def model_of(
    nodes: list[onnx.NodeProto],
    x: onnx.ValueInfoProto,
    weights: list[onnx.TensorProto],
    functions: list[onnx.FunctionProto] | None = None,
) -> onnx.ModelProto:
    body = helper.make_graph(nodes, "g", [x], [helper.make_empty_tensor_value_info("y")], weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    return helper.make_model(body, opset_imports=opsets, ir_version=8, functions=functions or [])


def only(model: onnx.ModelProto) -> graph.Layer:
    (layer,) = graph.layers(model)
    return layer


@pytest.mark.parametrize("name", builtin_names())
def test_work_and_activations_grow_with_the_batch_and_weights_do_not(name: str) -> None:
    one, three = graph.layers(skeleton(name, 1)), graph.layers(skeleton(name, 3))
    for a, b in zip(one, three, strict=True):
        assert a.macs is not None and a.input_elements is not None and a.output_elements is not None
        assert (b.macs, b.input_elements, b.output_elements) == (
            3 * a.macs, 3 * a.input_elements, 3 * a.output_elements
        )  # fmt: skip
        assert (a.name, a.kind, a.weight_elements, a.inputs) == (b.name, b.kind, b.weight_elements, b.inputs)


@pytest.mark.parametrize(
    ("node", "shape", "weight_shape", "macs"),
    [
        (helper.make_node("MatMul", ["x", "w"], ["y"]), (2, 5, 7), (7, 3), 2 * 5 * 7 * 3),
        (helper.make_node("Gemm", ["x", "w"], ["y"], transA=1), (7, 5), (7, 3), 5 * 7 * 3),
        # Each of the 2 x 4 x 4 inputs meets 3 output channels and a 2 x 2 window.
        (helper.make_node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2]), (1, 2, 4, 4), (2, 3, 2, 2), 32 * 12),
        (helper.make_node("Conv", ["x", "w"], ["y"], group=4), (1, 4, 5, 5), (4, 1, 3, 3), 4 * 9 * 9),
        (helper.make_node("Mul", ["x", "w"], ["y"]), (2, 3), (2, 3), 0),
    ],
)
def test_macs_of_each_kind(
    node: onnx.NodeProto, shape: tuple[int, ...], weight_shape: tuple[int, ...], macs: int
) -> None:
    layer = only(model_of([node], value("x", *shape), [weight("w", *weight_shape)]))
    assert layer.macs == macs
    assert layer.weight_elements == np.prod(weight_shape)
    assert layer.input_elements == np.prod(shape)


def test_a_kind_that_is_not_counted_leaves_the_total_unknown() -> None:
    einsum = helper.make_node("Einsum", ["x", "w"], ["y"], equation="ij,jk->ik")
    layers = graph.layers(model_of([einsum], value("x", 2, 3), [weight("w", 3, 4)]))
    assert layers[0].macs is None
    assert graph.macs(layers) is None


def test_a_foreign_operator_leaves_the_total_unknown() -> None:
    foreign = helper.make_node("Secret", ["x"], ["y"], domain="mine")
    layer = only(model_of([foreign], value("x", 2, 3), []))
    assert (layer.macs, layer.input_elements, layer.output_elements) == (None, 6, None)


def test_a_shape_that_depends_on_the_data_is_unknown() -> None:
    layer = only(model_of([helper.make_node("NonZero", ["x"], ["y"])], value("x", 2, 3), []))
    assert (layer.macs, layer.output_elements) == (0, None)


def test_constants_are_weights_and_not_layers() -> None:
    nodes = [
        helper.make_node("Constant", [], ["c"], value=weight("", 3, 4)),
        helper.make_node("Transpose", ["c"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["m"], "product"),
        helper.make_node("Constant", [], ["shape"], value_ints=[-1]),
        helper.make_node("Reshape", ["m", "shape"], ["y"], "flat"),
    ]
    model = model_of(nodes, value("x", 2, 4), [])
    product, flat = graph.layers(model)
    assert (product.macs, product.weight_elements, product.input_elements) == (24, 12, 8)
    assert (flat.weight_elements, flat.output_elements, flat.inputs) == (0, 6, ("product",))
    assert graph.parameters(model) == 12


def test_a_shared_weight_is_one_parameter() -> None:
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("MatMul", ["h", "w"], ["y"])]
    model = model_of(nodes, value("x", 2, 3), [weight("w", 3, 3)])
    first, second = graph.layers(model)
    assert (first.weight_elements, second.weight_elements, graph.parameters(model)) == (9, 9, 9)
    assert graph.LayerIndex((first, second)).fused(["MatMul_0", "MatMul_1"]).weight_elements == 9
    # Nodes without names are called as a profile calls them.
    assert (first.name, second.name, second.inputs) == ("MatMul_0", "MatMul_1", ("MatMul_0",))
    assert not any(node.name for node in model.graph.node)


def test_a_fused_layer_moves_only_what_crosses_its_border() -> None:
    layers = graph.layers(skeleton("resnet50", 2))
    fused = graph.LayerIndex(layers).fused(["res2b_branch2c", "res2b", "res2b_relu"])
    assert (fused.name, fused.kind) == ("res2b_branch2c+res2b+res2b_relu", "Conv+Add+Relu")
    assert [tensor.name for tensor in fused.reads] == ["res2b_branch2b_relu", "res2a_relu"]
    assert fused.input_elements == 2 * (64 + 256) * 56 * 56
    assert [tensor.name for tensor in fused.writes] == ["res2b_relu"]
    assert fused.output_elements == 2 * 256 * 56 * 56
    assert (fused.macs, fused.weight_elements) == (2 * 56 * 56 * 64 * 256, 64 * 256 + 256)
    assert fused.inputs == ("res2b_branch2b_relu", "res2a_relu")


def test_all_layers_fused_are_the_network() -> None:
    layers = graph.layers(skeleton("googlenet", 1))
    whole = graph.LayerIndex(layers).fused([layer.name for layer in layers])
    assert (whole.macs, whole.weight_elements) == (graph.macs(layers), graph.parameters(skeleton("googlenet", 1)))
    assert ([t.name for t in whole.reads], [t.name for t in whole.writes]) == (["data"], ["prob"])


def test_fusing_needs_layers_of_the_network() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        graph.LayerIndex(graph.layers(skeleton("alexnet", 1))).fused(["conv1", "nowhere"])


def test_functions_are_opened_out() -> None:
    inner = [helper.make_node("MatMul", ["a", "b"], ["c"]), helper.make_node("Relu", ["c"], ["d"])]
    dense = helper.make_function("mine", "Dense", ["a", "b"], ["d"], inner, [helper.make_opsetid("", 17)])
    call = helper.make_node("Dense", ["x", "w"], ["y"], domain="mine")
    layers = graph.layers(model_of([call], value("x", 2, 3), [weight("w", 3, 4)], [dense]))
    assert [(layer.kind, layer.macs) for layer in layers] == [("MatMul", 24), ("Relu", 0)]


def test_a_path_is_as_good_as_a_model(tmp_path: Path) -> None:
    # The weight is large enough for its data to be dropped on reading.
    model = model_of([helper.make_node("MatMul", ["x", "w"], ["y"])], value("x", 2, 30), [weight("w", 30, 40)])
    onnx.save(model, tmp_path / "m.onnx")
    assert graph.layers(tmp_path / "m.onnx") == graph.layers(model)


def test_no_file_is_a_spec_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no file"):
        graph.layers(tmp_path / "absent.onnx")


# ---- types of elements


def test_bytes_are_those_of_each_tensors_own_type() -> None:
    """Indices of 64 bits, a table of half precision, and what a Cast makes of its rows."""
    nodes = [
        helper.make_node("Gather", ["table", "x"], ["rows"], "gather"),
        helper.make_node("Cast", ["rows"], ["wide"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["wide", "wide"], ["y"], "square"),
    ]
    table = numpy_helper.from_array(np.ones((10, 8), np.float16), "table")
    gather, cast, square = graph.layers(model_of(nodes, value("x", 3, dtype=TensorProto.INT64), [table]))
    assert gather.moved_bytes == 3 * 8 + 10 * 8 * 2 + 3 * 8 * 2
    assert (cast.moved_bytes, square.moved_bytes) == (3 * 8 * (2 + 4), 3 * 8 * (4 + 4))


def test_a_type_that_does_not_exist_leaves_sizes_unknown() -> None:
    shape = numpy_helper.from_array(np.array([3], np.int64), "s")
    shape.data_type = 255
    assert only(model_of([helper.make_node("Reshape", ["x", "s"], ["y"], "reshape")], value("x", 3), [shape]))


def test_a_dequantised_weight_stays_what_is_stored_of_it_and_a_converted_one_does_not() -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale"], ["w"]),
        helper.make_node("Transpose", ["w"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["x", "t"], ["m"], "dequantised"),
        helper.make_node("Cast", ["half"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["m", "c"], ["y"], "converted"),
    ]
    stored = [
        numpy_helper.from_array(np.ones((6, 8), np.int8), "q"),
        numpy_helper.from_array(np.array(0.1, np.float32), "scale"),
        numpy_helper.from_array(np.ones((6, 4), np.float16), "half"),
    ]
    dequantised, converted = graph.layers(model_of(nodes, value("x", 2, 8), stored))
    assert [tensor.size_bytes for tensor in dequantised.weights] == [6 * 8]
    assert [tensor.size_bytes for tensor in converted.weights] == [4 * 6 * 4]


def test_what_is_dequantised_for_several_is_written_by_none() -> None:
    layers = graph.layers(quantised_by_pairs())
    total = graph.LayerIndex(layers).fused(
        ["r1.d DequantizeLinear", "c2.d DequantizeLinear", "sum", "s.q QuantizeLinear"]
    )
    assert ([t.name for t in total.reads], [t.name for t in total.writes]) == (["r1.q", "c2.q"], ["s.q"])
    assert (total.name, total.kind) == ("sum", "Add")
    alone = graph.LayerIndex(layers).fused(["r1.d DequantizeLinear"])
    assert ([t.name for t in alone.writes], alone.name) == (["r1.d"], "r1.d DequantizeLinear")


@pytest.mark.parametrize(
    ("model", "precision"),
    [
        (quantised_by_pairs(), "int8"),
        (quantised_operators(), "int8"),
        (half(), "fp16"),
        (looping(), "fp32"),
        (scanning(), "fp32"),
        (skeleton("alexnet", 1), "fp32"),
    ],
)
def test_the_precision_of_a_file_is_that_of_what_it_multiplies_by(model: onnx.ModelProto, precision: str) -> None:
    assert graph.precision(graph.layers(model)) == precision


def test_the_precision_of_a_mixed_file_names_the_heavier_first() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("DequantizeLinear", ["q", "scale"], ["d"]),
        helper.make_node("MatMul", ["m", "d"], ["y"]),
    ]
    stored = [
        weight("w", 3, 4),
        numpy_helper.from_array(np.ones((4, 100), np.int8), "q"),
        numpy_helper.from_array(np.array(0.1, np.float32), "scale"),
    ]
    layers = graph.layers(model_of(nodes, value("x", 2, 3), stored))
    assert graph.precision(layers) == "mixed int8/fp32"


def test_the_precision_of_a_file_without_weights_is_what_it_computes_with() -> None:
    relu = helper.make_node("Relu", ["x"], ["y"])
    assert graph.precision(graph.layers(model_of([relu], value("x", 2, dtype=TensorProto.FLOAT16), []))) == "fp16"
    assert graph.precision(()) == ""


def test_a_board_that_computes_in_another_precision_moves_everything_in_it() -> None:
    layers = graph.layers(skeleton("squeezenet1_1", 2))
    halves = graph.in_precision(layers, "fp16")
    assert graph.in_precision(layers, "fp32") == layers
    assert [2 * (layer.moved_bytes or 0) for layer in halves] == [layer.moved_bytes for layer in layers]


# ---- bodies


def test_what_a_body_reads_from_around_it_its_node_reads() -> None:
    first, loop, last = graph.layers(looping())
    assert (loop.inputs, [tensor.name for tensor in loop.weights]) == (("MatMul_0",), ["w"])
    assert (loop.macs, graph.macs((first, loop, last))) == (None, None)
    (body,) = loop.bodies
    assert [(layer.name, layer.macs, layer.inputs) for layer in body] == [
        ("MatMul_0", 16**3, ()),
        ("MatMul_1", 16**3, ("MatMul_0",)),
        ("Identity_2", 0, ()),
    ]
    assert last.macs == 16**3, "a body that keeps the shape of what it carries gives it"


@pytest.mark.parametrize(
    ("node", "dims"),
    [
        (helper.make_node("Gemm", ["x", "w"], ["y"], transA=1), [8]),
        (helper.make_node("MatMul", ["x", "w"], ["y"]), []),
        (helper.make_node("Conv", ["x", "w"], ["y"]), [2**40, 2**40, 2**40, 2**40]),
    ],
)
def test_what_no_runtime_takes_has_unknown_macs(node: onnx.NodeProto, dims: list[int]) -> None:
    assert only(model_of([node], value("x", *dims), [weight("w", 8, 4)])).macs is None


def test_functions_that_cannot_be_opened_out_are_refused() -> None:
    model = nested(2)
    model.functions[0].node[0].CopyFrom(helper.make_node("f1", ["a"], ["t1"], domain="own"))
    with pytest.raises(SpecError, match="the network: its functions cannot be opened out: "):
        graph.layers(model)
