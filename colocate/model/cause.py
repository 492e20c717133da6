"""Why a network takes longer beside a task: where the extra time of an inference goes."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(str, enum.Enum):
    """A part of the extra time, in the order of every legend. Its value is its name in `cells.csv`."""

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
    """How much longer an inference takes beside the task, in the mean, and its `parts` in seconds.

    The parts add up to `extra_s`; those that are 0 are left out. `beyond_s` is how much longer the parts were before
    they were cut to the whole, because what is counted may overlap. `launches` is in how many steps one inference
    is launched, where a profile knows it and a CUDA graph would launch them all at once.
    """

    extra_s: float
    parts: tuple[tuple[Cause, float], ...]
    beyond_s: float = 0.0
    launches: int | None = None

    @property
    def largest(self) -> tuple[Cause, float]:
        """The part that explains most."""
        return max(self.parts, key=lambda part: part[1])
