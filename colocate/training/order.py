"""Which images make up each batch: the same for any number of ranks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


class Order:
    """The image numbers of one rank, batch after batch and epoch after epoch, without end.

    Each epoch is shuffled from (seed, epoch) alone, and each batch is divided among the ranks. So the network sees
    the same batches in the same order, however many ranks there are. Images left over at the end of an epoch, too few
    for a batch, are left out.
    """

    def __init__(self, images: int, batch: int, seed: int, rank: int = 0, ranks: int = 1) -> None:
        self._images, self._batch, self._seed = images, batch, seed
        self._rank, self._ranks = rank, ranks

    @property
    def steps(self) -> int:
        """The number of batches in an epoch."""
        return self._images // self._batch

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the numbers of this rank's images in each batch."""
        epoch = 0
        while True:
            shuffled = np.random.default_rng((self._seed, epoch)).permutation(self._images)
            for step in range(self.steps):
                batch = shuffled[step * self._batch : (step + 1) * self._batch]
                yield batch[self._rank :: self._ranks].tolist()
            epoch += 1
