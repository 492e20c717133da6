"""The two sides of a slowdown, the network alone and beside its task, as a block or an alternating window saw them.

Two steady windows of a block are the sides as they are. An alternating window is split by condition, and each
latency is divided by the level of its own group of segments. A group is some hundred milliseconds long, so a drift
from group to group cancels before the sides are put together. With q a quantile or the mean,

    level(g) = median of the latencies of group g, alone, and beside the task over r
    slowdown(q) = q of latency / level(g) over all that are beside, / q of latency / level(g) over all that are alone

r is the slowdown of the median that the levels of those alone would give. That both sides have a part in the level
keeps its own error from making the tails of one side look longer than those of the other.

The window stays what is counted. Its segments follow one another too closely to be counted for themselves.
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
    """The latencies of a network `alone` and `beside` a task, in seconds or both in another unit.

    `records` are the windows that they are from, one beside the task last: of two steady windows both, of an
    alternating one itself.
    """

    records: tuple[TrialRecord, ...]
    alone: FloatArray
    beside: FloatArray

    def log_ratio(self, statistic: Callable[[FloatArray], float]) -> float:
        """The logarithm of the slowdown of a `statistic` of latencies."""
        return float(np.log(statistic(self.beside)) - np.log(statistic(self.alone)))


def in_condition(record: TrialRecord, condition: Condition) -> npt.NDArray[np.bool_]:
    """Which inferences of a window belong to a condition; of a steady window, which has only one, all."""
    if record.conditions is None:
        return np.ones(len(record.latencies_s), dtype=np.bool_)
    found: npt.NDArray[np.bool_] = record.conditions == condition
    return found


def latencies(record: TrialRecord, condition: Condition) -> FloatArray:
    """The latencies in one condition, in order; of a steady window all of them."""
    return record.latencies_s if record.conditions is None else record.latencies_s[record.conditions == condition]


def steady_pair(solo: TrialRecord, own: TrialRecord) -> Pair | None:
    """The sides that two windows of one block are; None where one of them has no inference."""
    both = len(solo.latencies_s) and len(own.latencies_s)
    return Pair((solo, own), solo.latencies_s, own.latencies_s) if both else None


def alternating_pair(record: TrialRecord) -> Pair | None:
    """The sides of an alternating window, in units of what the network takes alone.

    None where no group has inferences in both conditions; one that has not does not count. The window of a slow
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
    """The rate of the task's work beside the network over its rate alone in the same window; None where it is not
    known, or nothing was done alone. Next to nothing is less than the error of what was under way.
    """
    beside, alone = (_work_per_s(record, condition) for condition in (Condition.BESIDE, Condition.TASK_ALONE))
    return max(beside, 0.0) / alone if beside is not None and alone and alone > 0 else None


def _work_per_s(record: TrialRecord, condition: Condition) -> float | None:
    counted = [(s.work, s.length_s) for s in record.segments if s.condition is condition and s.work is not None]
    length_s = sum(length_s for _, length_s in counted)
    return sum(work for work, _ in counted) / length_s if length_s else None


def _grouped(record: TrialRecord) -> tuple[Sequence[FloatArray], Sequence[npt.NDArray[np.int_]]] | None:
    """The latencies alone and beside the task, group after group, of those groups of segments that have both; and of
    each the number of its group. None where no group has.
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
