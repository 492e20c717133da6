from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from colocate.errors import SpecError
from colocate.inference.networks.catalogue import builtin_names, skeleton
from colocate.inference.onnx import graph

ALEXNET_MACS_M = {
    "conv1": 105.4, "conv2": 223.9, "conv3": 149.5, "conv4": 112.1, "conv5": 74.8,
    "fc6": 37.7, "fc7": 16.8, "fc8": 4.1,
}  # fmt: skip
MACS_M = {
    "alexnet": 724.4, "googlenet": 1582.7, "resnet152": 11282.4,
    # 15.47 G for VGG-16 in torchvision's documentation; 3.8 G for ResNet-50 in table 1 of its paper.
    "squeezenet1_0": 861.3, "squeezenet1_1": 387.7, "resnet50": 3858.0, "vgg16": 15470.3,
}  # fmt: skip
# ResNets are quoted with a scale per channel of every convolution (ResNet-50: 26 560), which is folded away here.
PARAMETERS = {
    "alexnet": 60_965_224, "googlenet": 6_998_552, "resnet152": 60_192_808 - 75_712,
    "squeezenet1_0": 1_248_424, "squeezenet1_1": 1_235_496, "resnet50": 25_557_032 - 26_560, "vgg16": 138_357_544,
}  # fmt: skip


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
def test_builtin_totals(name: str) -> None:
    model = skeleton(name, 1)
    layers = graph.layers(model)
    macs = graph.macs(layers)
    assert macs is not None and macs / 1e6 == pytest.approx(MACS_M[name], abs=0.06)
    assert graph.parameters(model) == PARAMETERS[name]
    assert sum(layer.weight_elements for layer in layers) == graph.parameters(model)


@pytest.mark.parametrize("name", builtin_names())
def test_work_and_activations_grow_with_the_batch_and_weights_do_not(name: str) -> None:
    one, three = graph.layers(skeleton(name, 1)), graph.layers(skeleton(name, 3))
    for a, b in zip(one, three, strict=True):
        assert a.macs is not None and a.input_elements is not None and a.output_elements is not None
        assert (b.macs, b.input_elements, b.output_elements) == (
            3 * a.macs, 3 * a.input_elements, 3 * a.output_elements
        )  # fmt: skip
        assert (a.name, a.kind, a.weight_elements, a.inputs) == (b.name, b.kind, b.weight_elements, b.inputs)


def test_alexnet_by_layer() -> None:
    layers = {layer.name: layer for layer in graph.layers(skeleton("alexnet", 1))}
    counted = {name: layer.macs / 1e6 for name, layer in layers.items() if layer.macs}
    assert counted == pytest.approx(ALEXNET_MACS_M, abs=0.06)
    assert [name for name in layers if name != "fc6/flatten"] == [
        "conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2", "conv3", "relu3", "conv4", "relu4",
        "conv5", "relu5", "pool5", "fc6", "relu6", "fc7", "relu7", "fc8", "prob",
    ]  # fmt: skip
    assert layers["conv1"].inputs == ()
    assert layers["conv2"].inputs == ("pool1",)
    assert layers["conv2"].weight_elements == 256 * 48 * 5 * 5 + 256
    assert layers["conv2"].input_elements == 96 * 27 * 27
    assert layers["pool5"].output_elements == 256 * 6 * 6


def test_names_are_caffes() -> None:
    googlenet = {layer.name: layer for layer in graph.layers(skeleton("googlenet", 1))}
    assert googlenet["inception_3a/output"].inputs == (
        "inception_3a/relu_1x1", "inception_3a/relu_3x3", "inception_3a/relu_5x5", "inception_3a/relu_pool_proj",
    )  # fmt: skip
    squeezenet = {layer.name: layer for layer in graph.layers(skeleton("squeezenet1_1", 1))}
    assert squeezenet["fire9/concat"].inputs == ("fire9/relu_expand1x1", "fire9/relu_expand3x3")
    assert squeezenet["conv10"].output_elements == 1000 * 14 * 14
    resnet = {layer.name: layer for layer in graph.layers(skeleton("resnet152", 1))}
    assert resnet["res4a"].inputs == ("res4a_branch1", "res4a_branch2c")
    assert resnet["res4b35"].inputs == ("res4b34_relu", "res4b35_branch2c")
    assert sum(layer.kind == "Conv" for layer in resnet.values()) == 155


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


def test_a_fused_block_moves_only_what_crosses_its_border() -> None:
    layers = graph.layers(skeleton("resnet50", 2))
    block = graph.fused(layers, ["res2b_branch2c", "res2b", "res2b_relu"])
    assert (block.name, block.kind) == ("res2b_branch2c+res2b+res2b_relu", "Conv+Add+Relu")
    assert [tensor.name for tensor in block.reads] == ["res2b_branch2b_relu", "res2a_relu"]
    assert block.input_elements == 2 * (64 + 256) * 56 * 56
    assert [tensor.name for tensor in block.writes] == ["res2b_relu"]
    assert block.output_elements == 2 * 256 * 56 * 56
    assert (block.macs, block.weight_elements) == (2 * 56 * 56 * 64 * 256, 64 * 256 + 256)
    assert block.inputs == ("res2b_branch2b_relu", "res2a_relu")


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
