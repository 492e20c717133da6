"""The segments of an alternating window: how long they are, their order, and which inferences belong to each.

Pausing and resuming a task inside a window puts some ten milliseconds between the two conditions, instead of some
seconds. Four neighbouring segments make a group, in the order A B B A or B A A B, drawn at random (A: the network
alone, B: beside the task). So a drift that is linear in time cancels, and so do periodic disturbances on average. A
window too short for four segments of a slow network holds one group of two, A B or B A. Between the groups there are
segments of the task alone, in which the network is paused: they give the task's own rate of work. Every rig that can
alternate uses this module.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from colocate.model.trial import ByteArray, Condition, FloatArray, Segment, Trial

# On a server GPU whose latencies drift, slowdowns scatter half as much as with segments of twice this length. The
# guard still takes only a fifth of a segment.
SEGMENT_MIN_S = 0.025
# How many inferences a segment is long, and the least where the window has no room for that many. One of them
# overlaps the switch. So at the least one is whole, even if inferences take an eighth longer than was estimated.
INFERENCES_PER_SEGMENT, INFERENCES_MIN = 8, 2.25
# Switching takes no more than this share of a segment.
SWITCHING_RATIO = 0.05
# Caches refill within the guard after a switch. A clock that its governor raises under load needs longer, and so does
# a scheduler: a task that shares the network's CPU gets 70 % of it in the first 30 ms after it was resumed, and its
# fair half only after that (seen on Linux 6.18; a mean latency that doubles came out 2.3 times as long).
GUARD_S, SETTLING_GUARD_S, SETTLING_SEGMENT_S = 0.005, 0.05, 0.2
# The least periods of its quota that a task is measured in.
QUOTA_PERIODS_MIN = 2
# There is one segment of the task alone for so many others: its rate needs little of the window.
PER_TASK_ALONE = 10
# Its length, where inferences are slow and the other segments are longer.
TASK_ALONE_S = 0.1
# The most time that a network at a frame rate gets for frames that came while it was paused, in segments.
CATCHING_UP_MAX = 4.0
# Segments in a window before they grow longer than they need to be.
SEGMENTS_SOUGHT = (8, 4, 2)

# An inference that is longer than this share of its condition's is an outlier: it does not say how long others are.
LONG_SHARE = 0.99
# The largest share of a segment that is given up at its end, so that a segment with few slow inferences keeps some.
LAST_RATIO = 1 / 3

_PAIRS = (
    (Condition.ALONE, Condition.BESIDE),
    (Condition.BESIDE, Condition.ALONE),
)
_FOURS = tuple((*pair, *reversed(pair)) for pair in _PAIRS)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a window alternates: a segment lasts `segment_s`, and its first `guard_s` belong to no condition.

    A segment of the task alone lasts `task_alone_s` if that is shorter.
    """

    segment_s: float
    guard_s: float
    task_alone_s: float = math.inf

    def length_s(self, condition: Condition) -> float:
        """How long a segment in `condition` lasts, in seconds."""
        return min(self.segment_s, self.task_alone_s) if condition is Condition.TASK_ALONE else self.segment_s


class Turn(NamedTuple):
    """A segment to come: its condition, and the number of the group of neighbours that it is compared with."""

    condition: Condition
    group: int


def pace_of(
    window_s: float,
    inference_s: float,
    *,
    switching_s: float = 0.0,
    settling: bool = False,
    period_s: float | None = None,
    segment_s: float | None = None,
    quota_period_s: float | None = None,
) -> Pace:
    """Return the pace for a network whose inference takes `inference_s`, in a window of about `window_s`.

    - `switching_s`: how long pausing takes.
    - `settling`: a governor follows the load, or task and network share a CPU. Either takes some ten milliseconds to
      settle, so segments and guards are longer.
    - `period_s`: the network's frame period; segments are then whole periods.
    - `segment_s`: the length that the study asks for. Only whole periods, the guard and the least number of
      inferences change it.
    - `quota_period_s`: the period of the task's CPU quota. A task resumes with its full quota, wherever in the period
      that is. So the guard is one period longer, and what is measured is whole periods.
    """
    guard_s = max(SETTLING_GUARD_S if settling else GUARD_S, period_s or 0.0) + (quota_period_s or 0.0)
    inference_s = max(inference_s, period_s or 0.0)
    switched_s = max(switching_s / SWITCHING_RATIO, SETTLING_SEGMENT_S if settling else 0.0)
    quotas_s = QUOTA_PERIODS_MIN * (quota_period_s or 0.0)
    task_alone_s = _in_whole(max(TASK_ALONE_S + guard_s, switched_s, guard_s + quotas_s), guard_s, quota_period_s)
    least_s = guard_s + max(INFERENCES_MIN * inference_s, quotas_s)
    if segment_s is None:
        least_s = max(SEGMENT_MIN_S, least_s, switched_s)
        room_s = (window_s - min(task_alone_s, least_s)) / _segments_of(window_s, least_s, task_alone_s)
        length_s = max(least_s, min(room_s, INFERENCES_PER_SEGMENT * inference_s))
    else:
        length_s = max(segment_s, least_s)
    length_s = _in_whole(length_s, guard_s, quota_period_s)
    longer_s = _in_whole(length_s, 0.0, period_s) - length_s
    # What is measured keeps its whole periods of the quota.
    more_s = longer_s if quota_period_s else 0.0
    return Pace(length_s + longer_s, guard_s + more_s, task_alone_s + more_s)


def _in_whole(length_s: float, first_s: float, period_s: float | None) -> float:
    """Return the shortest length, at least `length_s`, that is `first_s` plus whole periods; `length_s` without a
    period.
    """
    if not period_s:
        return length_s
    return first_s + math.ceil((length_s - first_s) / period_s - 1e-9) * period_s


def _segments_of(window_s: float, segment_s: float, task_alone_s: float) -> int:
    """Return the largest of `SEGMENTS_SOUGHT`: so many segments, and one of the task alone, must fit in the window.

    If none fits, the smallest.
    """
    fitting = (n for n in SEGMENTS_SOUGHT if n * segment_s + min(task_alone_s, segment_s) <= window_s)
    return next(fitting, SEGMENTS_SOUGHT[-1])


def catch_up_s(pace: Pace, inference_s: float, period_s: float | None) -> float:
    """Return how long a network at a frame rate needs for the frames that came due while it was paused for one
    segment.

    In seconds, rounded up to whole periods; 0 without a period.
    """
    if period_s is None or not inference_s:
        return 0.0
    busy = min(inference_s / period_s, 0.999)
    needed_s = min(busy / (1 - busy), CATCHING_UP_MAX) * pace.length_s(Condition.TASK_ALONE)
    return math.ceil(needed_s / period_s) * period_s


def scheduled(window_s: float, pace: Pace, seed: str) -> tuple[Turn, ...]:
    """Return the segments of a window in order: as many groups of four as fit, or one group of two if none fits.

    The order is drawn from `seed`, so a trial that is run again has the same.
    """
    draw = random.Random(f"segments {seed}")
    four_s = len(_FOURS[0]) * (pace.segment_s + pace.length_s(Condition.TASK_ALONE) / PER_TASK_ALONE)
    fours = int(window_s / four_s + 1e-9)
    orders, groups = (_FOURS, fours) if fours else (_PAIRS, 1)
    pieces = [[Turn(condition, group) for condition in draw.choice(orders)] for group in range(groups)]
    alone = max(1, round(groups * len(orders[0]) / PER_TASK_ALONE))
    for number in range(alone):
        pieces.insert(draw.randint(0, len(pieces)), [Turn(Condition.TASK_ALONE, groups + number)])
    return tuple(turn for piece in pieces for turn in piece)


def length_s(trial: Trial) -> float:
    """Return how long the window of a trial should last, in seconds: `window_s`, or more if its segments are long.

    Segments are long beside a CPU quota, for example. How long an inference takes is not known yet; a slow network's
    window becomes longer still.
    """
    if not trial.alternating or trial.inference is None or trial.task is None:
        return trial.window_s
    bounds = [member.containment for member in trial.task.members if member.containment is not None]
    pace = pace_of(
        trial.window_s,
        0.0,
        settling=not {*trial.placement.task_cpus}.isdisjoint(trial.placement.inference_cpus),
        period_s=trial.inference.period_s,
        segment_s=trial.segment_s,
        quota_period_s=max((b.quota_period_s for b in bounds if b.quota_ratio is not None), default=None),
    )
    return max(trial.window_s, sum(pace.length_s(turn.condition) for turn in scheduled(trial.window_s, pace, "")))


def conditions_of(
    begins_s: FloatArray, latencies_s: FloatArray, segments: Sequence[Segment], period_s: float | None = None
) -> ByteArray:
    """Return the `Condition` (n,) of each inference.

    `begins_s` (n,) are when they began, in seconds from the window's start, ascending; `latencies_s` (n,) how long
    they took. An inference belongs to the segment that holds it from begin to end, and to `GUARD` if no segment does.

    Inferences that begin too near to the end of a segment are `GUARD` too: only short ones would end in time, so the
    mean would come out too small. Too near is within the p99 latency of their condition, or within the last third of
    the segment if that is shorter.

    With `period_s`, an inference begins when its frame is due. A switch makes frames late, and late frames wait for
    each other. They are `GUARD` until a frame of the segment is due with no earlier inference still running.
    """
    found = np.full(len(begins_s), Condition.GUARD, dtype=np.uint8)
    if not segments:
        return found
    from_s, to_s = (np.array([*map(attrgetter(end), segments)]) for end in ("begin_s", "end_s"))
    of_segment = np.array([segment.condition for segment in segments], dtype=np.uint8)
    # For each inference, the last segment that had begun.
    segment_of = np.searchsorted(from_s, begins_s, side="right") - 1
    ends_s, until_s = begins_s + latencies_s, to_s[segment_of]
    held = (segment_of >= 0) & (begins_s < until_s) & (ends_s <= until_s)
    held &= of_segment[segment_of] != Condition.TASK_ALONE
    inside = np.flatnonzero(held)
    if period_s is not None:
        # Stored times are whole nanoseconds.
        waited = np.zeros(len(begins_s), dtype=bool)
        waited[1:] = ends_s[:-1] > begins_s[1:] + 1e-9
        own = segment_of[inside]
        caught_up = np.maximum.accumulate(np.where(waited[inside], -1, own))
        inside = inside[caught_up == own]
    found[inside] = of_segment[segment_of[inside]]
    for condition in (Condition.ALONE, Condition.BESIDE):
        own = np.flatnonzero(found == condition)
        if len(own):
            long_s = float(np.quantile(latencies_s[own], LONG_SHARE))
            late_s = to_s - np.minimum(long_s, LAST_RATIO * (to_s - from_s))
            found[own[begins_s[own] > late_s[segment_of[own]]]] = Condition.GUARD
    return found
