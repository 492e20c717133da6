"""The latencies of a network alone and beside its task, as one block or one alternating window shows them.

In a block these are two steady windows, taken as they are. An alternating window is split by condition, and each
latency is divided by the level of its group of segments. A group is some hundred milliseconds long, so a drift from
group to group cancels before the groups are put together. With q a quantile or the mean,

    level(g)    = median over group g of: latencies alone, and latencies beside the task divided by r
    slowdown(q) = q(latency / level, all inferences beside) / q(latency / level, all inferences alone)

r is a first estimate of the median slowdown, for which the level is the median of the latencies alone. The final
level uses both sides. Otherwise the error of the level would make the tails of one side look longer than those of the
other.

The window is the unit that counts. Its segments follow one another too closely to count as separate measurements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colocate.model.trial import Condition, FloatArray, TrialRecord
from colocate.study.stats import median, medians


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """The latencies of a network `alone` (n,) and `beside` a task (m,), both in seconds or both in another unit.

    `records` are the windows that they come from, the one beside the task last: two steady windows, or one
    alternating one.
    """

    records: tuple[TrialRecord, ...]
    alone: FloatArray
    beside: FloatArray

    def log_ratio(self, statistic: Callable[[FloatArray], float]) -> float:
        """The logarithm of the slowdown: `statistic` of the latencies beside the task, over `statistic` of those
        alone.
        """
        return float(np.log(statistic(self.beside)) - np.log(statistic(self.alone)))


def in_condition(record: TrialRecord, condition: Condition) -> npt.NDArray[np.bool_]:
    """Return which inferences of a window belong to a condition, bool (n,). In a steady window all do."""
    if record.conditions is None:
        return np.ones(len(record.latencies_s), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = record.conditions == condition
    return found


def latencies(record: TrialRecord, condition: Condition) -> FloatArray:
    """Return the latencies in one condition, in seconds and in order; all of them in a steady window."""
    return record.latencies_s if record.conditions is None else record.latencies_s[record.conditions == condition]


def steady_pair(solo: TrialRecord, own: TrialRecord) -> Pair | None:
    """Return the pair of two windows of one block, `solo` and beside a task; None if either has no inference."""
    both = len(solo.latencies_s) and len(own.latencies_s)
    return Pair((solo, own), solo.latencies_s, own.latencies_s) if both else None


def alternating_pair(record: TrialRecord) -> Pair | None:
    """Return the two sides of an alternating window, in units of the median latency of the network alone.

    Groups without inferences in one of the conditions are left out; None if no group is left. The window of a slow
    network has a single group, like a block of steady windows.
    """
    found = _grouped(record)
    if found is None:
        return None
    (alone, beside), (of_alone, of_beside) = found
    levels = medians(alone, of_alone)
    first = median(beside / levels[of_beside]) / median(alone / levels[of_alone])
    both, of_both = np.concatenate([alone, beside / first]), np.concatenate([of_alone, of_beside])
    in_order = np.argsort(of_both, kind="stable")
    levels = medians(both[in_order], of_both[in_order])
    return Pair((record,), alone / levels[of_alone], beside / levels[of_beside])


def work_kept(record: TrialRecord) -> float | None:
    """Return the rate of the task's work beside the network over its rate alone in the same window.

    None if either rate is unknown, or if no work was done alone. Work under way at a switch is estimated, so a rate
    can come out a little below 0; it counts as 0.
    """
    beside, alone = (_work_per_s(record, condition) for condition in (Condition.BESIDE, Condition.TASK_ALONE))
    return max(beside, 0.0) / alone if beside is not None and alone and alone > 0 else None


def _work_per_s(record: TrialRecord, condition: Condition) -> float | None:
    counted = [(s.work, s.length_s) for s in record.segments if s.condition is condition and s.work is not None]
    length_s = sum(length_s for _, length_s in counted)
    return sum(work for work, _ in counted) / length_s if length_s else None


def _grouped(record: TrialRecord) -> tuple[Sequence[FloatArray], Sequence[npt.NDArray[np.int_]]] | None:
    """Return the latencies alone and beside the task, sorted by group, and the group number of each latency.

    Groups without inferences in one of the conditions are left out; the others are numbered from 0. None if no group
    is left.
    """
    if record.conditions is None or not record.segments:
        return None
    # Stored times are whole nanoseconds: one may lie a hair before the segment that it begins.
    begins_s = np.array([segment.begin_s for segment in record.segments]) - 1e-9
    of_segment = np.searchsorted(begins_s, record.begins_s, side="right") - 1
    found, numbers = np.unique([segment.group for segment in record.segments], return_inverse=True)
    groups = numbers[of_segment]
    sides = [in_condition(record, condition) for condition in (Condition.ALONE, Condition.BESIDE)]
    in_side = [np.bincount(groups[own], minlength=len(found)) > 0 for own in sides]
    with_both = in_side[0] & in_side[1]
    if not with_both.any():
        return None
    numbers = (np.cumsum(with_both) - 1)[groups]
    places = [np.flatnonzero(own & with_both[groups]) for own in sides]
    in_order = [own[np.argsort(numbers[own], kind="stable")] for own in places]
    return [record.latencies_s[own] for own in in_order], [numbers[own] for own in in_order]
