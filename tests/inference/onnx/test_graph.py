from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import builtin_names, skeleton
from colocate.inference.onnx import graph


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
    assert graph.fused((first, second), ["MatMul_0", "MatMul_1"]).weight_elements == 9
    # Nodes without names are called as a profile calls them.
    assert (first.name, second.name, second.inputs) == ("MatMul_0", "MatMul_1", ("MatMul_0",))
    assert not any(node.name for node in model.graph.node)


def test_a_fused_layer_moves_only_what_crosses_its_border() -> None:
    layers = graph.layers(skeleton("resnet50", 2))
    fused = graph.fused(layers, ["res2b_branch2c", "res2b", "res2b_relu"])
    assert (fused.name, fused.kind) == ("res2b_branch2c+res2b+res2b_relu", "Conv+Add+Relu")
    assert [tensor.name for tensor in fused.reads] == ["res2b_branch2b_relu", "res2a_relu"]
    assert fused.input_elements == 2 * (64 + 256) * 56 * 56
    assert [tensor.name for tensor in fused.writes] == ["res2b_relu"]
    assert fused.output_elements == 2 * 256 * 56 * 56
    assert (fused.macs, fused.weight_elements) == (2 * 56 * 56 * 64 * 256, 64 * 256 + 256)
    assert fused.inputs == ("res2b_branch2b_relu", "res2a_relu")


def test_all_layers_fused_are_the_network() -> None:
    layers = graph.layers(skeleton("googlenet", 1))
    whole = graph.fused(layers, [layer.name for layer in layers])
    assert (whole.macs, whole.weight_elements) == (graph.macs(layers), graph.parameters(skeleton("googlenet", 1)))
    assert ([t.name for t in whole.reads], [t.name for t in whole.writes]) == (["data"], ["prob"])


def test_fusing_needs_layers_of_the_network() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        graph.fused(graph.layers(skeleton("alexnet", 1)), ["conv1", "nowhere"])


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
