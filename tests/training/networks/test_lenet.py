"""LeNet."""

from __future__ import annotations

import torch

from colocate.training.networks.lenet import lenet


def test_it_takes_small_images_of_any_size() -> None:
    for shape in ((1, 8, 8), (3, 32, 32), (1, 28, 28)):
        assert lenet(10)(torch.zeros(2, *shape)).shape == (2, 10)
