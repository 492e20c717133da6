"""GoogLeNet as BVLC trained it for Caffe, without the two classifiers that are used only in training.

Szegedy et al., "Going Deeper with Convolutions", 2014, table 1. Dropout does nothing at inference and is left out.
"""

from __future__ import annotations

from colocate.inference.networks.topologies.sketch import Blob, Skeleton, Sketch

# Channels of each inception module: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
_STAGES = {
    3: {"a": (64, 96, 128, 16, 32, 32), "b": (128, 128, 192, 32, 96, 64)},
    4: {
        "a": (192, 96, 208, 16, 48, 64),
        "b": (160, 112, 224, 24, 64, 64),
        "c": (128, 128, 256, 24, 64, 64),
        "d": (112, 144, 288, 32, 64, 64),
        "e": (256, 160, 320, 32, 128, 128),
    },
    5: {"a": (256, 160, 320, 32, 128, 128), "b": (384, 192, 384, 48, 128, 128)},
}


def googlenet(batch: int) -> Skeleton:
    """Return GoogLeNet with input (batch, 3, 224, 224) and output (batch, 1000)."""
    net = Sketch("googlenet", batch, 3, 224)
    x = net.part("conv1", "7x7_s2", net.data, 64, 7, stride=2, pad=3)
    x = net.lrn("pool1/norm1", net.max_pool("pool1/3x3_s2", x, 3, stride=2))
    x = net.part("conv2", "3x3_reduce", x, 64, 1)
    x = net.lrn("conv2/norm2", net.part("conv2", "3x3", x, 192, 3, pad=1))
    for stage, modules in _STAGES.items():
        x = net.max_pool(f"pool{stage - 1}/3x3_s2", x, 3, stride=2)
        for letter, channels in modules.items():
            x = _inception(net, f"inception_{stage}{letter}", x, channels)
    x = net.global_average_pool("pool5/7x7_s1", x)
    return net.finished(net.softmax("prob", net.fc("loss3/classifier", x, 1000)))


def _inception(net: Sketch, module: str, x: Blob, channels: tuple[int, int, int, int, int, int]) -> Blob:
    one, three_reduce, three, five_reduce, five, projection = channels
    branches = (
        net.part(module, "1x1", x, one, 1),
        net.part(module, "3x3", net.part(module, "3x3_reduce", x, three_reduce, 1), three, 3, pad=1),
        net.part(module, "5x5", net.part(module, "5x5_reduce", x, five_reduce, 1), five, 5, pad=2),
        net.part(module, "pool_proj", net.max_pool(f"{module}/pool", x, 3, stride=1, pad=1), projection, 1),
    )
    return net.concat(f"{module}/output", branches)
