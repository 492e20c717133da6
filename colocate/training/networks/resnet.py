"""Residual networks (He et al. 2015, arXiv:1512.03385, table 1), with projections where the shape changes."""

from __future__ import annotations

from typing import Any

from torch import nn

from colocate.training.networks.initial import he_initialised

# Blocks of each of the four stages, and whether each block is a bottleneck of three convolutions.
DEPTHS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}
_WIDTH, _BOTTLENECK_RATIO = 64, 4


class Residual(nn.Module):
    """A residual block: the output of `path` plus that of `shortcut`, rectified."""

    def __init__(self, path: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.path, self.shortcut = path, shortcut

    def forward(self, maps: Any) -> Any:
        """Return the rectified sum."""
        return nn.functional.relu(self.path(maps) + self.shortcut(maps))


def resnet(depth: int, num_classes: int) -> nn.Module:
    """Return the module with `depth` layers, one of `DEPTHS`."""
    stages, bottleneck = DEPTHS[depth]
    layers = [*_convolution(3, _WIDTH, 7, 2), nn.ReLU(), nn.MaxPool2d(3, stride=2, padding=1)]
    channels = _WIDTH
    for stage, blocks in enumerate(stages):
        width = _WIDTH << stage
        for number in range(blocks):
            stride = 2 if stage and not number else 1
            block, channels = _block(channels, width, stride, bottleneck=bottleneck)
            layers.append(block)
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes)]
    return he_initialised(nn.Sequential(*layers))


def _block(channels: int, width: int, stride: int, *, bottleneck: bool) -> tuple[nn.Module, int]:
    """Return a block, and the number of maps that it outputs."""
    if bottleneck:
        out = width * _BOTTLENECK_RATIO
        # The stride is the first convolution's, as in the paper.
        path = [
            *_convolution(channels, width, 1, stride), nn.ReLU(),
            *_convolution(width, width, 3), nn.ReLU(),
            *_convolution(width, out, 1),
        ]  # fmt: skip
    else:
        out = width
        path = [*_convolution(channels, width, 3, stride), nn.ReLU(), *_convolution(width, width, 3)]
    same = stride == 1 and channels == out
    shortcut = nn.Identity() if same else nn.Sequential(*_convolution(channels, out, 1, stride))
    return Residual(nn.Sequential(*path), shortcut), out


def _convolution(channels: int, out: int, size: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, out, size, stride, padding=size // 2, bias=False), nn.BatchNorm2d(out)]
