"""Weights to begin with."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from colocate.training.networks.initial import he_initialised


def test_maps_keep_their_scale_through_rectified_layers() -> None:
    torch.manual_seed(0)
    layers = [layer for _ in range(10) for layer in (nn.Linear(400, 400), nn.ReLU())]
    network = he_initialised(nn.Sequential(*layers))
    first = layers[0]
    assert isinstance(first, nn.Linear)
    assert float(first.weight.detach().std()) == pytest.approx(math.sqrt(2 / 400), rel=0.02)
    assert not first.bias.any()
    maps = torch.randn(200, 400)
    # torch's own weights would leave less than a thousandth.
    assert float(network(maps).detach().square().mean()) == pytest.approx(float(maps.square().mean()), rel=0.5)
