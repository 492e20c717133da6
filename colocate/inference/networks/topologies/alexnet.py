"""AlexNet as BVLC trained it for Caffe: two groups in conv2, conv4 and conv5, normalisation before pooling.

Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012. Dropout does nothing at
inference and is left out.
"""

from __future__ import annotations

from colocate.inference.networks.topologies.sketch import Skeleton, Sketch


def alexnet(batch: int) -> Skeleton:
    """Return AlexNet with input (batch, 3, 227, 227) and output (batch, 1000)."""
    net = Sketch("alexnet", batch, 3, 227)
    x = net.relu("relu1", net.conv("conv1", net.data, 96, 11, stride=4))
    x = net.max_pool("pool1", net.lrn("norm1", x), 3, stride=2)
    x = net.relu("relu2", net.conv("conv2", x, 256, 5, pad=2, groups=2))
    x = net.max_pool("pool2", net.lrn("norm2", x), 3, stride=2)
    x = net.relu("relu3", net.conv("conv3", x, 384, 3, pad=1))
    x = net.relu("relu4", net.conv("conv4", x, 384, 3, pad=1, groups=2))
    x = net.relu("relu5", net.conv("conv5", x, 256, 3, pad=1, groups=2))
    x = net.max_pool("pool5", x, 3, stride=2)
    x = net.relu("relu6", net.fc("fc6", x, 4096))
    x = net.relu("relu7", net.fc("fc7", x, 4096))
    return net.finished(net.softmax("prob", net.fc("fc8", x, 1000)))
