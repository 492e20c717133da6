"""The built-in networks have the sizes, the work and the names that their papers and authors' files give them."""

from __future__ import annotations

import onnx
import pytest

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


@pytest.mark.parametrize("name", builtin_names())
@pytest.mark.parametrize("batch", [1, 3])
def test_skeletons_have_fixed_shapes_and_no_data(name: str, batch: int) -> None:
    model = skeleton(name, batch)
    assert not any(tensor.raw_data for tensor in model.graph.initializer)
    output = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph.output[0]
    assert [dim.dim_value for dim in output.type.tensor_type.shape.dim] == [batch, 1000]
    assert {node.op_type for node in model.graph.node} <= {
        "Conv", "Relu", "LRN", "MaxPool", "GlobalAveragePool", "Gemm", "Concat", "Add", "Softmax", "Flatten",
    }  # fmt: skip


@pytest.mark.parametrize("name", builtin_names())
def test_builtin_totals(name: str) -> None:
    model = skeleton(name, 1)
    layers = graph.layers(model)
    macs = graph.macs(layers)
    assert macs is not None and macs / 1e6 == pytest.approx(MACS_M[name], abs=0.06)
    assert graph.parameters(model) == PARAMETERS[name]
    assert sum(layer.weight_elements for layer in layers) == graph.parameters(model)


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
