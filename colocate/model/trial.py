"""One window: what was to run in it, and what it showed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from colocate.model.fleet import Board
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference, Placement, Task

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    ByteArray = npt.NDArray[np.uint8]
else:
    # A worker needs the nouns and no arrays: without numpy it is up in a fraction of the time.
    FloatArray = "numpy.typing.NDArray[numpy.float64]"
    ByteArray = "numpy.typing.NDArray[numpy.uint8]"


class Condition(enum.IntEnum):
    """What runs in a segment of an alternating window: the network alone, both, or the task alone. An inference that
    overlaps a switch between them, or the guard after one, belongs to none of the three.
    """

    GUARD = 0
    ALONE = 1
    BESIDE = 2
    TASK_ALONE = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One window. Without `inference` a task runs alone; without `task` the network does;
    without both the machine idles. With `alternating` both are there, and are paused and resumed by
    turns; `segment_s` is how long a segment lasts, where a study says so.

    `repeat` is which repeat it belongs to, `block` the group that shares its solo baseline.
    `trial_id` is a hash of everything else, so the same plan always yields the same ids.
    """

    trial_id: str
    repeat: int
    block: int
    inference: Inference | None
    task: Task | None
    clocks: ClockPoint
    placement: Placement
    warmup_s: float
    settle_s: float
    window_s: float
    max_start_temp_c: float | None = None
    alternating: bool = False
    segment_s: float | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """What a task did in `elapsed_s`: `count` of `unit` in all its processes together, using `cpu_s` of CPU.

    Of a mix `parts` says it of each task, in its own unit. Counts of different units cannot be added up: then `unit`
    is empty, and `count` the smallest of theirs.
    """

    unit: str
    count: float
    elapsed_s: float
    cpu_s: float
    parts: tuple[Work, ...] = ()

    @classmethod
    def of_mix(cls, parts: tuple[Work, ...]) -> Work:
        """The work of tasks that ran at once."""
        elapsed_s = sum(part.elapsed_s for part in parts) / len(parts)
        return cls("", min(part.count for part in parts), elapsed_s, sum(part.cpu_s for part in parts), parts)


@dataclass(frozen=True, slots=True)
class Waits:
    """What the kernel counted of the threads that launch a network, in a window or a segment of it.

    `waited_s` is how long they were ready to run while another thread had their CPU, `cpu_s` how long they ran. They
    left their CPU `voluntary` times to sleep, and `involuntary` times for another. `throttled_s` is how long a CPU
    quota of a group around them stopped that group, summed over its CPUs; None where there is none. `elapsed_s` is
    how long lay between the readings; None stands for all of the window or segment. `cache_misses` are those of the
    last level cache; None where the machine counts none.
    """

    waited_s: float
    cpu_s: float
    voluntary: int
    involuntary: int
    throttled_s: float | None = None
    elapsed_s: float | None = None
    cache_misses: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of an alternating window in one condition, less the switch that began it and the guard after that.

    `begin_s` and `end_s` count from the window's start. The segments of one `group` are neighbours, in an order that
    cancels a drift linear in time, and are compared with one another. `work` is what the task did in the segment, in
    a unit that all segments of the window share: that of the window's `Work`, or seconds of CPU time; of a mix the
    seconds that its tasks take for as much when they run without the network, their mean. `waits` are the network's,
    where the kernel counts them.
    """

    condition: Condition
    group: int
    begin_s: float
    end_s: float
    work: float | None = None
    waits: Waits | None = None

    @property
    def length_s(self) -> float:
        """How long it lasted."""
        return self.end_s - self.begin_s

    def __reduce__(self) -> tuple[type[Segment], tuple[Any, ...]]:
        # A window has hundreds: the way of dataclasses with slots takes twice as long.
        return Segment, (self.condition, self.group, self.begin_s, self.end_s, self.work, self.waits)


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """Power over one window: `t_s` (n,) from the window's start, `power_w` (n, rails)."""

    t_s: FloatArray
    power_w: FloatArray
    rails: tuple[str, ...]
    sensor_period_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a runtime's own profile of a network: `time_s` of one inference, and in a model `energy_j`.

    `kind` is the operator, where the profile has it. `within` names the steps in whose bodies it ran (of a loop, of
    a branch), the outermost first; the time of such a step is its own, without its body's. `runs` is how often it ran
    in one inference.
    """

    name: str
    kind: str
    time_s: float
    energy_j: float | None = None
    within: tuple[str, ...] = ()
    runs: float = 1.0

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Step:
        """The step that a runtime's own process reports."""
        return cls(**{**fields, "within": tuple(fields.get("within", ()))})


@dataclass(frozen=True, slots=True, eq=False)
class TrialRecord:
    """What one trial showed.

    `begins_s` (n,) is when each inference began, from the window's start; `latencies_s` (n,) how long it
    took on the host; of a network with a period, when it was due and how long after that it was done. `device_s` (n,)
    is how long on the accelerator, where that is known. `gpu_temperature_c` is
    the GPU's own sensor and `throttle_reasons` what its driver said held its clock down, both within the window.
    `runtime` is what the runtime said of itself and of how it runs the network: versions, provider, settings.
    `profile` is where one inference spends its time, taken right after the window where a rig was asked for it.
    `waits` are the network's in the whole window, where the kernel counts them.

    Of an alternating window `segments` are in order, and `conditions` (n,) says of each inference which `Condition`
    it belongs to. Its `work` is that beside the network, and it has no power: sensors are slower than segments.

    `board` is the one of a fleet that ran it; None where the machine of the run did.
    """

    trial: Trial
    started_unix_s: float
    elapsed_s: float
    begins_s: FloatArray
    latencies_s: FloatArray
    device_s: FloatArray | None = None
    work: Work | None = None
    power: PowerTrace | None = None
    cpu_hz_seen: int | None = None
    gpu_hz_seen: int | None = None
    emc_hz_seen: int | None = None
    temperature_c: float | None = None
    gpu_temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    runtime: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    profile: tuple[Step, ...] = ()
    warnings: tuple[QualityFlag, ...] = ()
    segments: tuple[Segment, ...] = ()
    conditions: ByteArray | None = None
    waits: Waits | None = None
    board: Board | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that gave no numbers, and the one line that says why. `board` is as in a `TrialRecord`."""

    trial: Trial
    message: str
    board: Board | None = None


Outcome = TrialRecord | Failure
"""How a trial ended."""
