"""Stressors with many branches, after MiBench's stringsearch: Horspool's search over generated texts."""

from __future__ import annotations

import random
import struct
from collections.abc import Mapping

from cpu_workloads._kernels import stringsearch
from cpu_workloads.stressor import StressorError

Search = tuple[bytes, bytes]
"""A pattern and the text to seek it in."""

# Characters of English prose in 256, rounded: e 12.7 %, t 9.1 % ... of the letters (Lewand, Cryptological
# Mathematics, 2000), one space to 4.7 letters.
_PER_256 = {
    " ": 45, "e": 27, "t": 19, "a": 17, "o": 16, "i": 15, "n": 14, "s": 13, "h": 13, "r": 13, "d": 9, "l": 8,
    "u": 6, "c": 6, "m": 5, "w": 5, "f": 5, "g": 4, "y": 4, "p": 4, "b": 3, "v": 2, "k": 1, "j": 1, "x": 1,
}  # fmt: skip
_LETTERS = "".join(letter * count for letter, count in _PER_256.items()).encode()


def prose(draw: random.Random, length: int) -> bytes:
    """Return `length` characters with the letter frequencies of English."""
    return draw.randbytes(length).translate(_LETTERS)


def pairs(draw: random.Random, count: int, hits: int, text_lengths: tuple[int, int]) -> list[Search]:
    """Return `count` searches in shuffled order, of which `hits` find their pattern.

    Patterns have 1 to 12 characters, 4 on average; text lengths are uniform from the first to the last.
    """
    found = [True] * hits + [False] * (count - hits)
    draw.shuffle(found)
    result = []
    for wanted in found:
        while True:
            text = prose(draw, draw.randint(*text_lengths))
            length = 1 + sum(draw.random() < 3 / 11 for _ in range(11))
            at = draw.randrange(len(text))
            pattern = text[at : at + length] if wanted else prose(draw, length)
            if (pattern in text) == wanted and len(pattern) == length:
                result.append((pattern, text))
                break
    return result


def records(searches: list[Search]) -> bytes:
    """Pack the searches for the C kernel."""
    return b"".join(struct.pack("=II", len(sought), len(text)) + sought + text for sought, text in searches)


def occurrences(pattern: bytes, text: bytes) -> int:
    """How often the pattern occurs in the text; overlapping ones count, too."""
    return sum(text.startswith(pattern, at) for at in range(len(text)))


class Stringsearch:
    """A pass is 1332 short searches, each of which fills its own shift table, in MiBench's proportions."""

    name = "stringsearch"
    unit = "passes"
    first_only = True

    def __init__(self, seed: int = 0x5EED, passes_per_step: int = 16) -> None:
        searches = self._searches(random.Random(seed))
        self._records = records(searches)
        self._hits_per_pass = self._count(searches)
        self._passes_per_step = passes_per_step
        self._passes = 0
        self._hits = 0

    def _searches(self, draw: random.Random) -> list[Search]:
        return pairs(draw, count=1332, hits=1013, text_lengths=(3, 56))

    def _count(self, searches: list[Search]) -> int:
        return sum(pattern in text for pattern, text in searches)

    def step(self) -> int:
        """Do all searches `passes_per_step` times, and return that number."""
        self._hits += stringsearch(self._records, self._passes_per_step, self.first_only)
        self._passes += self._passes_per_step
        return self._passes_per_step

    def facts(self) -> Mapping[str, object]:
        """The footprint in bytes (records and one table of 256 eight-byte shifts) and the hits of a pass."""
        return {
            "unit": self.unit,
            "footprint_bytes": len(self._records) + 256 * 8,
            "hits_per_pass": self._hits_per_pass,
        }

    def verify(self) -> None:
        """Raise StressorError unless every pass had the hits that Python's own search finds."""
        if self._hits != self._passes * self._hits_per_pass:
            seen = f"{self._hits} hits in {self._passes} passes"
            raise StressorError(f"{self.name}: {seen}, not {self._hits_per_pass} in each", 1)


class StringsearchScan(Stringsearch):
    """Seeks every pattern all through a text of a thousand characters: the scan takes more time than the table.

    Departs from MiBench, where four fifths of the instructions fill tables. Texts and table together fit a
    first-level data cache of 32 KB, so that branches, not memory, remain the load.
    """

    name = "stringsearch-scan"
    first_only = False

    def __init__(self, seed: int = 0x5EED, passes_per_step: int = 48) -> None:
        super().__init__(seed, passes_per_step)

    def _searches(self, draw: random.Random) -> list[Search]:
        return pairs(draw, count=24, hits=18, text_lengths=(900, 1100))

    def _count(self, searches: list[Search]) -> int:
        return sum(occurrences(pattern, text) for pattern, text in searches)

    def facts(self) -> Mapping[str, object]:
        """See `Stringsearch.facts`; adds the departure from MiBench."""
        return {**super().facts(), "departs_from_mibench": "longer texts, searched to their end"}
