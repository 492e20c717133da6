"""What measuring until decided saved against the fixed design of the same reliability.

The fixed design gives every cell the same number of blocks and looks once. Of the same reliability is the one whose
repeats decide as many cells with the same confidence, each with a chance of `bounds.PROBABLE`. How many repeats that
takes is worked out with hindsight, from the mean and the scatter of each cell as they stand at the end: of all judged
cells, the k that need the fewest blocks, k being how many were decided. Nobody could have planned that design.
A block's time is counted as `plan.estimate_s` counts it, on both sides.
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
    """The time that was `taken_s`, and `fixed_s` for `fixed_repeats` full repeats."""

    taken_s: float
    fixed_repeats: int
    fixed_s: float

    @property
    def ratio(self) -> float:
        """The share of the fixed design's time that was saved; negative where it would have been quicker."""
        return 1 - self.taken_s / self.fixed_s


def saving(
    evidence: Sequence[Evidence],
    limits: Limits,
    decided: int,
    wanted: Sequence[Trial],
    full_s: Callable[[int], float],
) -> Saving | None:
    """The saving of a study that `decided` so many cells with the `wanted` trials.

    `full_s` are the seconds of so many full repeats. None where nothing was decided, or no fixed design of
    `bounds.MOST_FURTHER_BLOCKS` repeats decides as much.
    """
    needs = sorted(_needed_blocks(each, limits) for each in bounds(evidence, limits.confidence, once))
    if not decided or not math.isfinite(needs[decided - 1]):
        return None
    repeats = int(needs[decided - 1])
    return Saving(estimate_s(wanted), repeats, full_s(repeats))


def _needed_blocks(of: Bounds, limits: Limits) -> float:
    """How many blocks in all decide a cell in a fixed design; infinite where none do."""
    wanted = limits.by_quantity
    broken = [q for q in wanted if q in of.estimates and of.estimates[q].interval.value > wanted[q]]
    if broken:
        return min(of.needed_blocks(q, wanted[q]) for q in broken)
    if any(q not in of.estimates or q in of.evidence.withheld for q in wanted):
        return math.inf
    return max(of.needed_blocks(q, limit) for q, limit in wanted.items())
