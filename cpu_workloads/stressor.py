"""What a stressor is, and how its work is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypedDict


class StressorError(Exception):
    """A foreseeable failure. Its message is one line for the user, and the process ends with `exit_code`."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Stressor(Protocol):
    """A background task that works on one CPU, in equal steps of about 1 to 10 ms."""

    name: str
    unit: str
    """What `step` counts, in the plural: words, passes, frames."""

    def step(self) -> int:
        """Do one step's work, and return how much that was, in `unit`."""

    def facts(self) -> Mapping[str, object]:
        """What a reader of the results must know: sizes in bytes, and how the task differs from MiBench."""

    def verify(self) -> None:
        """Check the results since the last call, outside the counted time. Raises StressorError if they are wrong."""


class Failure(TypedDict):
    """Why the work of a window cannot be trusted; `returncode` is None if the cause is not a program that ended."""

    returncode: int | None
    stderr: str


class _Counts(TypedDict):
    unit: str
    count: float
    begin_ns: int
    end_ns: int
    cpu_s: float


class Report(_Counts, total=False):
    """Work done between two times of CLOCK_MONOTONIC, and the CPU time in seconds that it took."""

    failed: Failure
    deserted: int
    """How many runs of a program left processes behind; absent if none did."""


@dataclass(frozen=True)
class Moment:
    """A time of CLOCK_MONOTONIC in nanoseconds, and the CPU time used until then in seconds."""

    now_ns: int
    cpu_s: float


def now() -> Moment:
    """The present moment, with this process's own CPU time."""
    return Moment(time.monotonic_ns(), time.process_time())


def report(unit: str, count: float, begin: Moment, end: Moment) -> Report:
    """Return the report of `count` units of work done between two moments."""
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
    """Step until `pending()` is true, and report the whole steps up to then.

    After every step, `counted` is called with its work and with the CPU time of the process so far. A step during
    which `pending()` became true is not counted, because a part of it ran after the window; the report ends with the
    step before. Only the first step always counts, so that there is a rate.
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
