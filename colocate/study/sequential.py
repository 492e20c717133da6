"""Until decided: verdicts that stay valid however often the table is looked at, and which cells need more blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from colocate.study.advice import Advice, Limits, Ruling
from colocate.study.bounds import Look
from colocate.study.evidence import Evidence
from colocate.study.model import Cell


def repeated(rounds: int) -> tuple[Look, ...]:
    """The looks that `--until decided` has taken by the time `rounds` rounds are complete. Give it to `advise`."""
    raise NotImplementedError


def next_look(rounds: int) -> int:
    """The number of complete rounds at which to look next, above `rounds`."""
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a sequential study stands: `advice` so far, and its rulings by what is to be done."""

    advice: Advice
    settled: tuple[Ruling, ...]
    open: tuple[Ruling, ...]
    stuck: tuple[Ruling, ...]

    @property
    def open_cells(self) -> tuple[Cell, ...]:
        """The cells that need more blocks."""
        return tuple(ruling.cell for ruling in self.open)


def judge(evidence: Sequence[Evidence], limits: Limits) -> Progress:
    """Where the study stands after the last look that its complete rounds allow."""
    raise NotImplementedError
