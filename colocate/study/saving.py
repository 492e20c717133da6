"""How much time sequential stopping saved, compared with a fixed design of the same reliability.

The fixed design gives every cell the same number of blocks and is judged once. It is as reliable if it decides as
many cells with the same confidence, each with a chance of `bounds.PROBABLE`. How many repeats that takes is computed
afterwards, from each cell's final mean and scatter: the number of blocks that decides the k easiest cells, if k cells
were decided. Nobody could have planned that design. On both sides `plan.estimate_s` gives the time of a block.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from colocate.model.limits import Limits
from colocate.model.trial import Trial
from colocate.study.bounds import Bounds, bounds, once
from colocate.study.evidence import Evidence
from colocate.study.plan import estimate_s


@dataclass(frozen=True, slots=True)
class Saving:
    """`taken_s`, the time of the study, and `fixed_s`, the time of a fixed design of `fixed_repeats` full repeats."""

    taken_s: float
    fixed_repeats: int
    fixed_s: float

    @property
    def ratio(self) -> float:
        """The share of the fixed design's time that was saved; negative if that design would have been quicker."""
        return 1 - self.taken_s / self.fixed_s


def saving(
    evidence: Sequence[Evidence],
    limits: Limits,
    decided: int,
    wanted: Sequence[Trial],
    full_s: Callable[[int], float],
) -> Saving | None:
    """Return the saving of a study that ran the `wanted` trials and in which `decided` cells have a verdict.

    `full_s` gives the seconds of a number of full repeats. Returns None if no cell was decided, or if no fixed design
    of at most `bounds.MOST_FURTHER_BLOCKS` repeats decides as many.
    """
    needs = sorted(_needed_blocks(each, limits) for each in bounds(evidence, limits.confidence, once))
    if not decided or not math.isfinite(needs[decided - 1]):
        return None
    repeats = int(needs[decided - 1])
    return Saving(estimate_s(wanted), repeats, full_s(repeats))


def _needed_blocks(of: Bounds, limits: Limits) -> float:
    """Return how many blocks in all decide a cell in a fixed design; infinite if no number of blocks does."""
    wanted = limits.by_quantity
    broken = [q for q in wanted if q in of.estimates and of.estimates[q].interval.value > wanted[q]]
    if broken:
        return min(of.needed_blocks(q, wanted[q]) for q in broken)
    if any(q not in of.estimates or q in of.evidence.withheld for q in wanted):
        return math.inf
    return max(of.needed_blocks(q, limit) for q, limit in wanted.items())
