"""Residual networks as their authors published them for Caffe.

He et al., "Deep Residual Learning for Image Recognition", 2015. The first 1x1 convolutions of a stage have its
stride. Batch normalisation and scale are folded into the convolution and its bias, as every runtime does at
inference.

The 25 557 032 parameters that are quoted for ResNet-50 (torchvision's documentation of `resnet50`) include a scale
and a shift for each of its 26 560 channels. After folding, the shift is the bias and the scale is gone: 25 530 472.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from colocate.inference.networks.topologies.sketch import Blob, Skeleton, Sketch

# The block names of the authors' prototxt files: a to c in a short stage, a b1 b2 ... in a long one.
_BLOCKS_50 = (("a", "b", "c"), ("a", "b", "c", "d"), ("a", "b", "c", "d", "e", "f"), ("a", "b", "c"))
_BLOCKS_152 = (
    ("a", "b", "c"),
    ("a", *(f"b{i}" for i in range(1, 8))),
    ("a", *(f"b{i}" for i in range(1, 36))),
    ("a", "b", "c"),
)


def resnet50(batch: int) -> Skeleton:
    """Return ResNet-50 with input (batch, 3, 224, 224) and output (batch, 1000)."""
    return _resnet("resnet50", batch, _BLOCKS_50)


def resnet152(batch: int) -> Skeleton:
    """Return ResNet-152 with input (batch, 3, 224, 224) and output (batch, 1000)."""
    return _resnet("resnet152", batch, _BLOCKS_152)


def _resnet(name: str, batch: int, stages: Sequence[Sequence[str]]) -> Skeleton:
    net = Sketch(name, batch, 3, 224)
    # Each block adds its branch to its input. With weights that keep the mean square, every block would double the
    # mean square, and 2^50 is beyond fp16. In a trained network, batch normalisation limits the branches; here all
    # branches together add as much as a single one would.
    gain = 1 / math.sqrt(sum(len(blocks) for blocks in stages))
    x = net.relu("conv1_relu", net.conv("conv1", net.data, 64, 7, stride=2, pad=3))
    x = net.max_pool("pool1", x, 3, stride=2)
    for stage, blocks in enumerate(stages):
        for index, block in enumerate(blocks):
            stride = 2 if stage > 0 and index == 0 else 1
            x = _block(net, f"res{stage + 2}{block}", x, 64 << stage, stride, project=index == 0, gain=gain)
    x = net.global_average_pool("pool5", x)
    return net.finished(net.softmax("prob", net.fc("fc1000", x, 1000)))


def _block(net: Sketch, block: str, x: Blob, width: int, stride: int, *, project: bool, gain: float) -> Blob:
    """Add a bottleneck block: 1x1 to `width` channels, 3x3, and 1x1 to 4 * `width`, added to the shortcut."""
    branch = f"{block}_branch2"
    shortcut = net.conv(f"{block}_branch1", x, 4 * width, 1, stride=stride) if project else x
    y = net.relu(f"{branch}a_relu", net.conv(f"{branch}a", x, width, 1, stride=stride))
    y = net.relu(f"{branch}b_relu", net.conv(f"{branch}b", y, width, 3, pad=1))
    y = net.conv(f"{branch}c", y, 4 * width, 1, gain=gain)
    return net.relu(f"{block}_relu", net.add(block, shortcut, y))
