"""VGG-16 as its authors published it for Caffe.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, table 1,
configuration D. Dropout does nothing at inference and is left out.

Parameters: 138 357 544 (torchvision's documentation of `vgg16`; 138 million in table 2 of the paper).
"""

from __future__ import annotations

from colocate.inference.networks.topologies.sketch import Skeleton, Sketch

# Channels of the convolutions between one pooling and the next.
_STAGES = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16(batch: int) -> Skeleton:
    """Return VGG-16 with input (batch, 3, 224, 224) and output (batch, 1000)."""
    net = Sketch("vgg16", batch, 3, 224)
    x = net.data
    for stage, widths in enumerate(_STAGES, 1):
        for index, channels in enumerate(widths, 1):
            x = net.relu(f"relu{stage}_{index}", net.conv(f"conv{stage}_{index}", x, channels, 3, pad=1))
        x = net.max_pool(f"pool{stage}", x, 2, stride=2)
    x = net.relu("relu6", net.fc("fc6", x, 4096))
    x = net.relu("relu7", net.fc("fc7", x, 4096))
    return net.finished(net.softmax("prob", net.fc("fc8", x, 1000)))
