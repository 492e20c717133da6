"""Residual networks."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from colocate.training.networks.resnet import resnet

# Multiply-adds of the paper's table 1, in 10^9; its own counts leave out or round some layers.
PUBLISHED = {18: 1.8, 34: 3.6, 50: 3.8, 101: 7.6, 152: 11.3}
WEIGHTS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}


@pytest.mark.parametrize("depth", PUBLISHED)
def test_it_is_the_papers(depth: int) -> None:
    with torch.device("meta"):
        network = resnet(depth, 1000)
        with FlopCounterMode(display=False) as counter:
            assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
    assert counter.get_total_flops() / 2e9 == pytest.approx(PUBLISHED[depth], rel=0.03)
    assert sum(each.numel() for each in network.parameters()) == WEIGHTS[depth]
