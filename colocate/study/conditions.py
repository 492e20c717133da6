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

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from colocate.model.trial import Condition, FloatArray, TrialRecord
from colocate.study.stats import median


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
    groups = _groups(record)
    if not groups:
        return None
    alone, beside = _over(groups, [median(alone) for alone, _ in groups])
    first = median(beside) / median(alone)
    levels = [median(np.concatenate([alone, beside / first])) for alone, beside in groups]
    return Pair((record,), *_over(groups, levels))


def _over(groups: Sequence[tuple[FloatArray, FloatArray]], levels: Sequence[float]) -> list[FloatArray]:
    """Both sides of all groups together, each group over its level."""
    return [
        np.concatenate([group[side] / level for group, level in zip(groups, levels, strict=True)]) for side in (0, 1)
    ]


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


def _groups(record: TrialRecord) -> Sequence[tuple[FloatArray, FloatArray]]:
    """The latencies alone and beside the task of each group of segments that has both."""
    if record.conditions is None or not record.segments:
        return []
    # Stored times are whole nanoseconds: one may lie a hair before the segment that it begins.
    begins_s = np.array([segment.begin_s for segment in record.segments]) - 1e-9
    of_segment = np.searchsorted(begins_s, record.begins_s, side="right") - 1
    groups = np.array([segment.group for segment in record.segments])[of_segment]
    alone, beside = (
        _by_group(record.latencies_s[own], groups[own])
        for own in (in_condition(record, condition) for condition in (Condition.ALONE, Condition.BESIDE))
    )
    return [(alone[group], beside[group]) for group in sorted(alone.keys() & beside.keys())]


def _by_group(latencies_s: FloatArray, groups: npt.NDArray[np.int_]) -> Mapping[int, FloatArray]:
    """The latencies of each group, in the order measured; a group without any has no entry."""
    order = np.argsort(groups, kind="stable")
    groups = groups[order]
    begins = np.flatnonzero(np.diff(groups, prepend=groups[:1] - 1))
    return dict(zip(groups[begins].tolist(), np.split(latencies_s[order], begins[1:]), strict=False))
