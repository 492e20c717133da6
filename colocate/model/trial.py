"""One window: what runs in it, and what was measured."""

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
    # A process that needs no arrays starts much faster without numpy.
    FloatArray = "numpy.typing.NDArray[numpy.float64]"
    ByteArray = "numpy.typing.NDArray[numpy.uint8]"


class Condition(enum.IntEnum):
    """What runs in a segment of an alternating window: the network alone, the network beside the task, or the task
    alone. GUARD marks inferences that overlap a switch or the guard time after it; they count for none of the three.
    """

    GUARD = 0
    ALONE = 1
    BESIDE = 2
    TASK_ALONE = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """One window to run. With `inference` None a task runs alone, with `task` None the network does, and with both
    None the machine idles.

    In an `alternating` window, network and task are paused and resumed in turn. `segment_s` is the length of a
    segment; None lets the window choose it. `repeat` and `block` are numbers; the windows of a block share a solo
    baseline. `trial_id` is a hash of all other fields and the study's seed, so the same plan always has the same ids.
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
    """What a task did in `elapsed_s` seconds: `count` of `unit`, over all its processes, with `cpu_s` seconds of CPU
    time.

    In a mix, `parts` holds the work of each task in its own unit. Different units cannot be added, so for the mix
    `unit` is empty and `count` is the smallest count of its parts.
    """

    unit: str
    count: float
    elapsed_s: float
    cpu_s: float
    parts: tuple[Work, ...] = ()

    @classmethod
    def of_mix(cls, parts: tuple[Work, ...]) -> Work:
        """Return the work of a mix, from that of its tasks."""
        elapsed_s = sum(part.elapsed_s for part in parts) / len(parts)
        return cls("", min(part.count for part in parts), elapsed_s, sum(part.cpu_s for part in parts), parts)


@dataclass(frozen=True, slots=True)
class Waits:
    """What the kernel counted for the threads that launch a network, in a window or a segment of one.

    `waited_s` is how long they were ready to run while another thread had their CPU, `cpu_s` how long they ran. They
    left their CPU `voluntary` times to sleep, and `involuntary` times for another thread. `throttled_s` is how long a
    CPU quota stopped their group, summed over its CPUs; None if there is no quota. `elapsed_s` is the time between
    the two readings; None means the whole window or segment. `cache_misses` counts misses of the last-level cache;
    None if the machine does not count them.
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
    """A part of an alternating window in one condition. It begins after the switch to this condition and the guard
    time that follows.

    `begin_s` and `end_s` count from the window's start. Segments of one `group` are neighbours and are compared with
    each other; their order cancels a linear drift in time. `work` is what the task did. All segments of a window have
    the same unit: that of the window's `Work`, or seconds of CPU time. For a mix it is seconds: the time that each
    task takes for the same work without the network, averaged over the tasks. `waits` are the network's, if the
    kernel counts them.
    """

    condition: Condition
    group: int
    begin_s: float
    end_s: float
    work: float | None = None
    waits: Waits | None = None

    @property
    def length_s(self) -> float:
        """The length of the segment in seconds."""
        return self.end_s - self.begin_s

    def __reduce__(self) -> tuple[type[Segment], tuple[Any, ...]]:
        # A window has hundreds of segments, and the default for dataclasses with slots takes twice as long.
        return Segment, (self.condition, self.group, self.begin_s, self.end_s, self.work, self.waits)


@dataclass(frozen=True, slots=True)
class PowerTrace:
    """Power over one window: `t_s` (n,) from the window's start, and `power_w` (n, rails). `sensor_period_s` is the
    refresh period of the slowest sensor.
    """

    t_s: FloatArray
    power_w: FloatArray
    rails: tuple[str, ...]
    sensor_period_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """One step in a runtime's profile of a network. `time_s` is its time per inference; `energy_j` is known only for
    a model.

    `kind` is the operator, if the profile has it. `within` names the steps in whose bodies (of a loop or a branch) it
    ran, the outermost first. The time of such an outer step excludes its body. `runs` is how often the step ran per
    inference.
    """

    name: str
    kind: str
    time_s: float
    energy_j: float | None = None
    within: tuple[str, ...] = ()
    runs: float = 1.0

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Step:
        """Return the step with the `fields` that a worker reports as JSON."""
        return cls(**{**fields, "within": tuple(fields.get("within", ()))})


@dataclass(frozen=True, slots=True, eq=False)
class TrialRecord:
    """What one trial measured.

    `begins_s` (n,) is when each inference began, from the window's start, and `latencies_s` (n,) how long it took on
    the host. With a period, these are when it was due and how long after that it was done. `device_s` (n,) is its
    time on the accelerator, if known. All are float64, in seconds. `gpu_temperature_c` is the GPU's own sensor, and
    `throttle_reasons` what its driver said held its clock down, both during the window. `runtime` is what the runtime
    reported: versions, provider, settings. `profile` says where one inference spends its time; it is taken right
    after the window, if the rig was asked for it. `waits` are the network's over the window, if the kernel counts
    them.

    In an alternating window, `segments` are in order, and `conditions` (n,), of type uint8, holds the `Condition` of
    each inference. `work` is then the work beside the network, and there is no power, because sensors are slower than
    segments.

    `board` is the board of a fleet that ran the trial; None if the run's own machine did.
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
    """A trial that gave no numbers, and one line that says why. `board` is as in `TrialRecord`."""

    trial: Trial
    message: str
    board: Board | None = None


Outcome = TrialRecord | Failure
"""How a trial ended."""
