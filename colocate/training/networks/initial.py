"""Weights to begin with (He et al. 2015, arXiv:1502.01852): they keep the scale of maps through rectified layers."""

from __future__ import annotations

from torch import nn


def he_initialised(module: nn.Module) -> nn.Module:
    """`module` with such weights in its convolutions and fully connected layers, and biases of 0."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
