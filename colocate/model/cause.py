"""Why an inference takes longer beside a task, and how much each cause contributes."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(str, enum.Enum):
    """A cause of extra time, in the order of every legend; `study.causes` defines each. The value is the name in
    `cells.csv`.
    """

    PREEMPTED = "preempted"
    LAUNCH_WAIT = "launch wait"
    QUOTA = "quota"
    GPU_TIME = "GPU time"
    CLOCK = "clock"
    MEMORY = "memory"
    SLOWER_CPU = "slower CPU"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ExtraTime:
    """How much longer an inference takes beside the task on average, and which causes this time has.

    `extra_s` is the difference of the mean latencies. `parts` divides all of it by cause, in seconds; parts of 0 are
    left out. What is counted for the causes may overlap: `beyond_s` is by how much the counted parts exceeded
    `extra_s` before they were cut. `launches` is the number of steps in which one inference is launched. It is None
    if no profile gives it, or if a CUDA graph already launches them all at once.
    """

    extra_s: float
    parts: tuple[tuple[Cause, float], ...]
    beyond_s: float = 0.0
    launches: int | None = None

    @property
    def largest(self) -> tuple[Cause, float]:
        """The cause with the longest time, and this time in seconds."""
        return max(self.parts, key=lambda part: part[1])
