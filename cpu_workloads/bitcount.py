"""The compute stressor, after MiBench's bitcnts: seven ways to count the ones of a 32-bit word."""

from __future__ import annotations

from collections.abc import Mapping

from cpu_workloads._kernels import bitcount
from cpu_workloads.stressor import StressorError

WORD_STEP = 13
"""Distance between successive input words, as in MiBench."""


class Bitcount:
    """Counts the ones of successive words; a word is done when all seven ways have counted it."""

    name = "bitcount"
    unit = "words"

    def __init__(self, seed: int = 0x5EED, words_per_step: int = 40_000) -> None:
        self._word = seed % 2**32
        self._words_per_step = words_per_step
        self._disagreeing: tuple[int, ...] | None = None

    def step(self) -> int:
        """Count `words_per_step` words in seven ways. The input goes on where the last step ended."""
        totals = bitcount(self._word, self._words_per_step)
        if totals.count(totals[0]) != len(totals):
            self._disagreeing = totals
        self._word = (self._word + WORD_STEP * self._words_per_step) % 2**32
        return self._words_per_step

    def facts(self) -> Mapping[str, object]:
        """The footprint in bytes: one table of 256 bytes and one of 16."""
        return {"unit": self.unit, "footprint_bytes": 256 + 16}

    def verify(self) -> None:
        """Raise StressorError unless all seven totals of every step were equal."""
        if self._disagreeing is not None:
            raise StressorError(f"bitcount: the seven counts disagree: {self._disagreeing}", 1)
