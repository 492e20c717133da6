"""LeNet for small images: two convolutions, each followed by pooling, and two fully connected layers.

The sizes are those of Caffe's example: 20 and 50 maps of 5x5 kernels, 500 hidden units. Edges are padded, so that
images from 4x4 on fit, such as the 8x8 digits of scikit-learn.
"""

from __future__ import annotations

from torch import nn


def lenet(num_classes: int) -> nn.Module:
    """Return the module, which takes its input shape from the first image that it gets."""
    return nn.Sequential(
        nn.LazyConv2d(20, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(500),
        nn.ReLU(),
        nn.Linear(500, num_classes),
    )
