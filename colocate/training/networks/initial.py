"""Initial weights that keep the scale of maps through rectified layers (He et al. 2015, arXiv:1502.01852)."""

from __future__ import annotations

from torch import nn


def he_initialised(module: nn.Module) -> nn.Module:
    """Set He's weights in the convolutions and fully connected layers of `module`, and biases of 0; return it."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
