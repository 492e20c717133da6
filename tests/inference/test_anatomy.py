"""Which layers a step ran, where a runtime joins their names or tells none."""

from __future__ import annotations

from colocate.inference.networks.catalogue import skeleton
from colocate.inference.onnx import graph
from colocate.inference.onnx.layer_map import blocks, commonly_fused, held
from colocate.model.trial import Step

ALEXNET = graph.layers(skeleton("alexnet", 1))
RESNET = graph.layers(skeleton("resnet50", 1))


def test_a_name_that_joins_all_names() -> None:
    ran = [Step("conv1 + relu1", "", 0.001), Step("norm1", "", 0.001), Step("Reformatting CopyNode", "", 0.001)]
    assert held(ran, ALEXNET) == (("conv1", "relu1"), ("norm1",), ())


def test_blocks_of_a_runtime_that_tells_nothing_hold_every_layer_once() -> None:
    for layers in (ALEXNET, RESNET):
        found = blocks(commonly_fused(layers), layers, 4)
        assert sorted(name for block in found for name in block.layers) == sorted(layer.name for layer in layers)
        assert all(block.time_s is None for block in found)
        assert sum(block.flop or 0 for block in found) == 2 * (graph.macs(layers) or 0)
    first = blocks(commonly_fused(ALEXNET), ALEXNET, 4)[0]
    assert (first.name, first.step) == ("conv1+relu1", "conv1")


def test_a_sum_keeps_its_activation_to_itself() -> None:
    names = {layer.name for layer in commonly_fused(RESNET)}
    assert {"res2a", "res2a_relu"} <= names and "res2a_branch2a_relu" not in names
