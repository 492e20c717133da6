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
    """How much longer the mean inference takes beside the task, and how much each cause contributes.

    `extra_s` is the difference of the mean latencies. `parts` divides all of it by cause, in seconds; parts of 0 are
    left out. The counted parts may overlap and exceed `extra_s`. They are then cut, and `beyond_s` is by how much.
    `launches` is the number of steps in which one inference is launched; None if no profile gives it, and if a CUDA
    graph launches all steps at once.
    """

    extra_s: float
    parts: tuple[tuple[Cause, float], ...]
    beyond_s: float = 0.0
    launches: int | None = None

    @property
    def largest(self) -> tuple[Cause, float]:
        """The cause with the longest time, and this time in seconds."""
        return max(self.parts, key=lambda part: part[1])
