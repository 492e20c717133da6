"""An alternating window: this process pauses and resumes the task and the network by turns, and notes times and work.

The worker and the tasks know nothing of it. Afterwards the inferences are sorted into conditions by the times noted
here.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colocate.host.processes.pausing import PAUSE_TIMEOUT_S, Pause, stands_still
from colocate.model.trial import Condition, Segment, Waits, Work
from colocate.rigs.host.gauge import (
    Counts,
    Gauge,
    Part,
    by_cpu_time,
    cpu_between_s,
    slices,
    work_between,
    work_per_cpu_s,
)
from colocate.rigs.host.monitor import sleep_until
from colocate.rigs.host.resting import RESTING_RATIO
from colocate.rigs.host.waits import WaitGauge
from colocate.study.alternation import Pace, Turn

_NS = 1e-9
# If lines come at random, once per segment on average, one segment in three has none.
EMPTY_RATIO = 0.1
# All counts of a reading.
_ALL = slice(None)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment as it was measured: its begin and end on CLOCK_MONOTONIC in ns, the task's counts at both, and the
    network's waits in it (None if they are not counted).
    """

    turn: Turn
    begin_ns: int
    end_ns: int
    before: Counts
    after: Counts
    waits: Waits | None = None


@dataclass(frozen=True, slots=True)
class Alternated:
    """What was noted in one window. `paused_late` means that segments were lost because a pause took too long.

    `unit` is the unit of the task's work; None stands for seconds of CPU time. For a mix, `parts` has the unit of
    each task, and the tasks' counts follow one another in each reading.
    """

    stretches: tuple[Stretch, ...]
    paused_late: bool
    unit: str | None
    parts: tuple[Part, ...] = ()

    def segments(self, begin_ns: int) -> tuple[Segment, ...]:
        """Return the segments of a window that began at `begin_ns`, each with the task's work."""
        return tuple(
            Segment(
                each.turn.condition,
                each.turn.group,
                (each.begin_ns - begin_ns) * _NS,
                (each.end_ns - begin_ns) * _NS,
                self._work_in(each),
                each.waits,
            )
            for each in self.stretches
        )

    def work(self, reported: Work) -> Work:
        """Return what the task did beside the network. `reported` is the task's own count of the whole window.

        A program without progress lines is counted only when it ends. Its work beside the network is then `reported`
        times the share of its CPU time that falls there.
        """
        if not self.parts:
            return self._beside(reported, self.unit, _ALL)
        each = zip(reported.parts, self.parts, slices(self.parts), strict=True)
        return Work.of_mix(tuple(self._beside(work, part.unit, own) for work, part, own in each))

    def _beside(self, reported: Work, unit: str | None, own: slice) -> Work:
        beside = [each for each in self.stretches if each.turn.condition is Condition.BESIDE]
        cpu_s = sum(cpu_between_s(each.before[own], each.after[own]) for each in beside)
        if unit is None:
            count = reported.count * cpu_s / reported.cpu_s if reported.cpu_s else 0.0
        else:
            count = sum(self._done(each, own) for each in beside)
        elapsed_s = sum(each.end_ns - each.begin_ns for each in beside) * _NS
        return Work(reported.unit, count, elapsed_s, cpu_s)

    def _work_in(self, stretch: Stretch) -> float | None:
        """Return the task's work in a segment. For a mix this is the mean, over its tasks, of the seconds that each
        needs for its work without the network; None if one of them did nothing without it.
        """
        if not self.parts:
            return self._done(stretch, _ALL)
        alone = [each for each in self.stretches if each.turn.condition is Condition.TASK_ALONE]
        alone_s = sum(each.end_ns - each.begin_ns for each in alone) * _NS
        took_s = []
        for own in slices(self.parts):
            done_alone = sum(self._done(each, own) for each in alone)
            if not done_alone:
                return None
            took_s.append(self._done(stretch, own) * alone_s / done_alone)
        return sum(took_s) / len(took_s)

    def _done(self, stretch: Stretch, own: slice) -> float:
        """Return the work in a segment of the processes that have the counts `own` of a reading."""
        return work_between(stretch.before[own], stretch.after[own], self._per_cpu_s()[own])

    def _per_cpu_s(self) -> tuple[float, ...]:
        return work_per_cpu_s(self.stretches[0].before, self.stretches[-1].after) if self.stretches else ()


class Alternation:
    """Goes through the turns (planned segments) of a window: `until` does so while time passes, and `finish` does the
    rest. A delay, such as another program on this process's CPU, delays all later turns.

    At the beginning of a turn, what must pause in it is asked to stop. The turn counts from when that has stopped and
    the guard is over. The wait takes at most half of the time that the guard leaves. A turn without the network is
    lost if the network has not stopped by then. A turn without the task counts if the task used almost no CPU time in
    it (`RESTING_RATIO`).
    """

    def __init__(
        self,
        turns: Sequence[Turn],
        pace: Pace,
        task: Pause,
        network: Pause,
        gauge: Gauge,
        catch_up_s: float = 0.0,
        waits: WaitGauge | None = None,
    ) -> None:
        """`catch_up_s` is how much longer the guard lasts, in seconds, after a turn in which the network was
        paused.
        """
        self._turns, self._pace = turns, pace
        self._paused_in = {Condition.ALONE: task, Condition.TASK_ALONE: network}
        self._gauge = gauge
        self._waits = waits or WaitGauge()
        self._catch_up_s = catch_up_s
        self._stretches: list[Stretch] = []
        self._held: Pause | None = None
        self._paused_late = False
        self._course = self._steps()
        self._due_s = -math.inf

    @property
    def length_s(self) -> float:
        """How long all turns take, in seconds."""
        return sum(map(self._length_s, range(len(self._turns))))

    def until(self, moment_s: float) -> None:
        """Let time pass until a moment of the monotonic clock, and switch whenever a turn is over."""
        while self._due_s <= moment_s:
            self._go_on()
        sleep_until(moment_s)

    def finish(self) -> None:
        """Go through the turns that are left."""
        while self._due_s < math.inf:
            self._go_on()

    def _go_on(self) -> None:
        sleep_until(self._due_s)
        self._due_s = next(self._course, math.inf)

    def noted(self) -> Alternated:
        """Return what was noted so far."""
        stretches, parts = tuple(self._stretches), list[Part]()
        if not self._gauge.parts:
            if self._gauge.coarse and _rarely_counted(stretches):
                return Alternated(tuple(_by_cpu_time(each) for each in stretches), self._paused_late, None)
            return Alternated(stretches, self._paused_late, self._gauge.unit)
        for part, own in zip(self._gauge.parts, slices(self._gauge.parts), strict=True):
            rarely = part.coarse and _rarely_counted(stretches, own)
            parts.append(part._replace(unit=None) if rarely else part)
            stretches = tuple(_by_cpu_time(each, own) for each in stretches) if rarely else stretches
        return Alternated(stretches, self._paused_late, None, tuple(parts))

    def _steps(self) -> Iterator[float]:
        """Go through the turns. Yield the moment of the monotonic clock at which each next step is due."""
        for number, turn in enumerate(self._turns):
            guard_s = self._pace.guard_s + self._extra_s(number)
            end_s = time.monotonic() + self._length_s(number)
            still = self._switched(turn.condition, (end_s - guard_s - time.monotonic()) / 2)
            begin_s = time.monotonic() + guard_s
            if begin_s < end_s:
                yield begin_s
                waits_before = self._waits.read()
                before, begin_ns = self._gauge.read(), time.monotonic_ns()
                yield end_s
                after, end_ns = self._gauge.read(), time.monotonic_ns()
                waits = self._waits.between(waits_before, self._waits.read())
                rests = cpu_between_s(before, after) <= RESTING_RATIO * (end_ns - begin_ns) * _NS
                if rests if turn.condition is Condition.ALONE else still:
                    self._stretches.append(Stretch(turn, begin_ns, end_ns, before, after, waits))
                    continue
            self._paused_late = True
            yield end_s

    def _switched(self, condition: Condition, timeout_s: float) -> bool:
        """Pause and resume what the condition needs. Return whether what it pauses had stopped in time."""
        held, self._held = self._held, self._paused_in.get(condition)
        if self._held is not None and self._held is not held:
            self._held.ask()
        if held is not None and held is not self._held:
            held.resume()
        return self._held is None or stands_still(self._held, min(PAUSE_TIMEOUT_S, timeout_s))

    def _length_s(self, number: int) -> float:
        return self._pace.length_s(self._turns[number].condition) + self._extra_s(number)

    def _extra_s(self, number: int) -> float:
        after_pause = number > 0 and self._turns[number - 1].condition is Condition.TASK_ALONE
        return self._catch_up_s if after_pause else 0.0


def _rarely_counted(stretches: Sequence[Stretch], own: slice = _ALL) -> bool:
    """Return whether too many segments in which the task ran have no count: the next count then covers the work of
    several segments. `own` are the task's counts in a reading.
    """
    ran = [each for each in stretches if each.turn.condition is not Condition.ALONE]
    empty = [each for each in ran if sum(c.work for c in each.after[own]) == sum(c.work for c in each.before[own])]
    return len(empty) > EMPTY_RATIO * len(ran)


def _by_cpu_time(stretch: Stretch, own: slice = _ALL) -> Stretch:
    return dataclasses.replace(
        stretch, before=by_cpu_time(stretch.before, own), after=by_cpu_time(stretch.after, own)
    )
