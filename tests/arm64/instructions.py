"""Which instructions a piece of a program executes, from what QEMU's user-mode emulator logs.

`-d in_asm,exec,nochain` writes the words of every block of instructions when it is translated, and the address of
every block when it is executed. Classes of A64 instructions are told by their bits (C4.1 of Arm's Architecture
Reference Manual).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_TRANSLATED = re.compile(r"0x([0-9a-f]+):  ([0-9a-f]{8}) ")
_EXECUTED = re.compile(r"Trace \d+: 0x[0-9a-f]+ \[[0-9a-f]+/([0-9a-f]+)/")


@dataclass(frozen=True, slots=True)
class Mix:
    """How many were executed, and how many of them load or store, and branch on a condition."""

    instructions: int
    memory: int
    conditional: int


def mix_of(log: Iterable[str]) -> Mix:
    """What was executed, of a log."""
    blocks: dict[int, list[int]] = {}
    executions: Counter[int] = Counter()
    block: list[int] = []
    for line in log:
        if line.startswith("IN:"):
            block = []
        elif (executed := _EXECUTED.match(line)) is not None:
            executions[int(executed[1], 16)] += 1
        elif (translated := _TRANSLATED.match(line)) is not None:
            if not block:
                blocks[int(translated[1], 16)] = block
            block.append(int(translated[2], 16))
    counts = Counter[str]()
    for address, times in executions.items():
        words = blocks[address]
        counts["instructions"] += times * len(words)
        counts["memory"] += times * sum(map(_loads_or_stores, words))
        counts["conditional"] += times * sum(map(_branches_on_a_condition, words))
    return Mix(counts["instructions"], counts["memory"], counts["conditional"])


def _loads_or_stores(word: int) -> bool:
    return word >> 25 & 0b0101 == 0b0100


def _branches_on_a_condition(word: int) -> bool:
    """B.cond, CBZ and CBNZ, TBZ and TBNZ."""
    return word >> 24 == 0x54 or word >> 25 & 0x3F in (0x1A, 0x1B)
