"""Which images make each batch: the same for any number of ranks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Order:
    """The images of one rank, batch after batch and epoch after epoch, without end.

    Each epoch is shuffled from (seed, epoch) alone, and a batch is dealt out over the ranks: however many share it,
    the network sees the same images in the same order. What is left at an epoch's end and makes no batch is left out.
    """

    def __init__(self, images: int, batch: int, seed: int, rank: int = 0, ranks: int = 1) -> None:
        self._images, self._batch, self._seed = images, batch, seed
        self._rank, self._ranks = rank, ranks

    @property
    def steps(self) -> int:
        """How many batches an epoch has."""
        return self._images // self._batch

    def __iter__(self) -> Iterator[list[int]]:
        """The numbers of the images of each batch that are this rank's."""
        epoch = 0
        while True:
            shuffled = np.random.default_rng((self._seed, epoch)).permutation(self._images)
            for step in range(self.steps):
                batch = shuffled[step * self._batch : (step + 1) * self._batch]
                yield batch[self._rank :: self._ranks].tolist()
            epoch += 1
