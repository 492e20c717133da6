"""SqueezeNet as its authors published it for Caffe, version 1.0 and the cheaper 1.1.

Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016, table 1.
Version 1.1 has fewer and smaller filters in conv1, and pools earlier. There is no fully connected layer: the last
convolution has one channel per class. Dropout does nothing at inference and is left out.

Parameters: 1 248 424 and 1 235 496 (torchvision's documentation of `squeezenet1_0` and `squeezenet1_1`).
"""

from __future__ import annotations

from collections.abc import Container

from colocate.inference.networks.topologies.sketch import Blob, Skeleton, Sketch

# Channels of fire modules 2 to 9: squeeze, and each of the two expansions.
_FIRE = {
    2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256),
}  # fmt: skip


def squeezenet1_0(batch: int) -> Skeleton:
    """Return SqueezeNet 1.0 with input (batch, 3, 227, 227) and output (batch, 1000)."""
    # The authors' file pads this 1x1 convolution, so its border holds only the bias.
    return _squeezenet("squeezenet1_0", batch, conv1=(96, 7), pooled_after=(4, 8), conv10_pad=1)


def squeezenet1_1(batch: int) -> Skeleton:
    """Return SqueezeNet 1.1 with input (batch, 3, 227, 227) and output (batch, 1000)."""
    return _squeezenet("squeezenet1_1", batch, conv1=(64, 3), pooled_after=(3, 5), conv10_pad=0)


def _squeezenet(
    name: str, batch: int, *, conv1: tuple[int, int], pooled_after: Container[int], conv10_pad: int
) -> Skeleton:
    net = Sketch(name, batch, 3, 227)
    x = net.relu("relu_conv1", net.conv("conv1", net.data, *conv1, stride=2))
    x = net.max_pool("pool1", x, 3, stride=2)
    for number, channels in _FIRE.items():
        x = _fire(net, f"fire{number}", x, *channels)
        if number in pooled_after:
            x = net.max_pool(f"pool{number}", x, 3, stride=2)
    x = net.relu("relu_conv10", net.conv("conv10", x, 1000, 1, pad=conv10_pad))
    x = net.flatten("pool10/flatten", net.global_average_pool("pool10", x))
    return net.finished(net.softmax("prob", x))


def _fire(net: Sketch, module: str, x: Blob, squeeze: int, expand: int) -> Blob:
    squeezed = net.part(module, "squeeze1x1", x, squeeze, 1)
    branches = (
        net.part(module, "expand1x1", squeezed, expand, 1),
        net.part(module, "expand3x3", squeezed, expand, 3, pad=1),
    )
    return net.concat(f"{module}/concat", branches)
