"""LeNet for small images: two convolutions, each with a pool, and two fully connected layers.

As in Caffe's example: 20 and 50 maps of 5x5, 500 hidden units. The edges are padded, so that it takes images from 4x4
on, as the 8x8 digits of scikit-learn.
"""

from __future__ import annotations

from torch import nn


def lenet(num_classes: int) -> nn.Module:
    """The module; how large the image is shows with the first one."""
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
