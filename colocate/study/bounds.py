"""Evidence -> simultaneous bounds of a whole table, which know nothing of any limit.

Every upper bound of the table holds with `confidence` at once, and so does every lower one. So whatever limits are
set, on the command line or by a slider, one rule gives the verdicts, and over the whole table the chance of any
wrong SAFE is at most 1 - confidence, and so is that of any wrong UNSAFE:

    SAFE if all upper bounds meet their limits; UNSAFE if any lower bound breaks one; else UNDECIDED.

Let m be the judged cells, and k the kinds of quantity (latency, slowdown, power, work loss) that the table holds.
A wrong SAFE needs the upper bound of one particular quantity to fail, the one whose limit is broken, so it is an
intersection-union test and needs no correction over quantities (Berger 1982, Technometrics 24(4)): tail
(1 - confidence) / m. A wrong UNSAFE can come from any kind: tail (1 - confidence) / (m k). Both are Bonferroni's
inequality, which holds however the cells depend on each other; those of a block share a baseline, so they do.
A quantile is one question, asked on its own: bounds at several quantiles are not corrected for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from colocate.study.evidence import Evidence, Quantity
from colocate.study.model import Interval


class Look(NamedTuple):
    """A look at the table after `rounds` rounds that may spend `share` of the error."""

    rounds: int
    share: float


Looks = Callable[[int], Sequence[Look]]
"""The looks taken at a table by the time it has so many rounds."""


def once(rounds: int) -> tuple[Look, ...]:
    """The fixed design: a single look, at all there is."""
    return (Look(rounds, 1.0),)


@dataclass(frozen=True, slots=True)
class Estimate:
    """One quantity of one cell: its geometric mean over `blocks`, and its simultaneous bounds.

    An end of `interval` is None where the data cannot give it: both with one block, the upper one where doubts
    withhold the word SAFE.
    """

    interval: Interval
    blocks: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """All that one cell's verdict at any limits rests on; an absent quantity has no entry."""

    evidence: Evidence
    estimates: Mapping[Quantity, Estimate]


def bounds(evidence: Sequence[Evidence], confidence: float = 0.95, looks: Looks = once) -> tuple[Bounds, ...]:
    """The bounds of every judged cell, those with a stressor, in the order of `evidence`."""
    raise NotImplementedError
