"""What a stressor is, and how its work is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypedDict


class StressorError(Exception):
    """A foreseeable failure, in one line for the user; `exit_code` is what the process ends with."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Stressor(Protocol):
    """A background task in equal steps of one to some ten milliseconds, on one CPU."""

    name: str
    unit: str
    """What `step` counts, in the plural: words, passes, frames."""

    def step(self) -> int:
        """Do one step's work; returns how much, in `unit`."""

    def facts(self) -> Mapping[str, object]:
        """What a reader of the results must know: sizes in bytes, and how the task departs from MiBench."""

    def verify(self) -> None:
        """Check the results since the last call, outside the counted time; raises StressorError."""


class Failure(TypedDict):
    """Why the work of a window is not to be trusted; no return code when it was not a program that ended."""

    returncode: int | None
    stderr: str


class _Counts(TypedDict):
    unit: str
    count: float
    begin_ns: int
    end_ns: int
    cpu_s: float


class Report(_Counts, total=False):
    """Work done between two CLOCK_MONOTONIC times, and the CPU time it took."""

    failed: Failure
    deserted: int
    """Runs of a program that left processes behind, where there were some."""


@dataclass(frozen=True)
class Moment:
    """CLOCK_MONOTONIC in nanoseconds and CPU time spent so far in seconds."""

    now_ns: int
    cpu_s: float


def now() -> Moment:
    """The present moment, with this process's own CPU time."""
    return Moment(time.monotonic_ns(), time.process_time())


def report(unit: str, count: float, begin: Moment, end: Moment) -> Report:
    """The report of `count` units of work done between two moments."""
    return {
        "unit": unit,
        "count": float(count),
        "begin_ns": begin.now_ns,
        "end_ns": end.now_ns,
        "cpu_s": end.cpu_s - begin.cpu_s,
    }


def measure(
    stressor: Stressor, pending: Callable[[], bool], counted: Callable[[float, float], object] | None = None
) -> Report:
    """Step until `pending()`, and report the whole steps up to then. `counted` is told of every step: its work, and
    the CPU time of the process after it.

    A step that is under way when the word arrives ran partly beside something else: it is not counted, and
    the report ends with the last counted step. Only the first step always counts, so that there is a rate.
    """

    def step() -> tuple[int, Moment]:
        work, moment = stressor.step(), now()
        if counted is not None:
            counted(work, moment.cpu_s)
        return work, moment

    begin = now()
    count, end = step()
    while not pending():
        work, moment = step()
        if pending():
            break
        count, end = count + work, moment
    return report(stressor.unit, count, begin, end)


def measure_steps(stressor: Stressor, steps: int) -> Report:
    """Do exactly `steps` steps, and report them."""
    begin = now()
    count = sum(stressor.step() for _ in range(steps))
    return report(stressor.unit, count, begin, now())
