"""AlexNet."""

from __future__ import annotations

import torch

from colocate.training.networks.alexnet import alexnet


def test_it_is_caffes() -> None:
    with torch.device("meta"):
        network = alexnet(1000)
        assert network(torch.zeros(1, 3, 227, 227)).shape == (1, 1000)
    # Of bvlc_alexnet: 60,965,224 weights and biases.
    assert sum(each.numel() for each in network.parameters()) == 60_965_224
