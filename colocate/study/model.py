"""The nouns. Frozen and slotted; every quantity carries its unit in its name; absent is None, never 0."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from colocate.study.limits import Limits

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
else:
    # A worker needs the nouns and no arrays: without numpy it is up in a fraction of the time.
    FloatArray = "numpy.typing.NDArray[numpy.float64]"


@dataclass(frozen=True, slots=True)
class ClockPoint:
    """The clocks of CPU, GPU and memory in Hz; None leaves that clock to its governor."""

    cpu_hz: int | None = None
    gpu_hz: int | None = None
    emc_hz: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Which logical CPUs serve whom. `name` is `isolated` or `shared`."""

    name: str
    inference_cpus: tuple[int, ...]
    stressor_cpus: tuple[int, ...]
    housekeeping_cpus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Inference:
    """A network and how it is run. `network` is a built-in name or the path of an .onnx file.

    With `graph` its kernels are captured once and launched as one CUDA graph. `wait` is how the launching thread
    waits for the GPU: `spin` (it polls, which is quickest and keeps its CPU busy) or `block` (it sleeps).
    With `period_s` an inference is due at each multiple of it, as the frames of a camera are, and must be done before
    the next is due; without, one follows the other.
    """

    network: str
    backend: str = "auto"
    precision: str = "fp32"
    batch: int = 1
    graph: bool = False
    wait: str = "spin"
    period_s: float | None = None


@dataclass(frozen=True, slots=True)
class Stressor:
    """A background task: a built-in of `cpu_workloads`, or with `argv` a program of the user's own."""

    name: str
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SweepSpec:
    """What the user asked for, complete and valid in itself; the machine is not known yet.

    `cpu_clocks` and `gpu_clocks` hold steps in Hz, or the words `low`, `mid`, `high`, or `native` alone;
    None asks for the default of the machine. `emc_clock` is one memory clock for the whole study, None leaves
    it alone. A block waits, within bounds, until the machine is no hotter than `max_start_temp_c`.
    `model` sets constants of a rig that is a model, by their names, in order.

    `limits` are those that the study was made for. `until_decided` it goes on until its cells are decided under them:
    for `repeats` rounds at the most, and where there is a `budget_s` for no longer than that.
    """

    inferences: tuple[Inference, ...]
    stressors: tuple[Stressor, ...]
    rig: str = "host"
    cpu_clocks: tuple[int | str, ...] | None = None
    gpu_clocks: tuple[int | str, ...] | None = None
    emc_clock: int | str | None = None
    placements: tuple[str, ...] = ("isolated",)
    inference_cpus: tuple[int, ...] | None = None
    repeats: int = 5
    warmup_s: float = 0.3
    settle_s: float = 0.2
    window_s: float = 2.0
    max_start_temp_c: float | None = None
    seed: int = 0
    model: tuple[tuple[str, float], ...] = ()
    limits: Limits | None = None
    until_decided: bool = False
    budget_s: float | None = None


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the machine is and allows. JSON, so that a plan can be made offline and is stored with the run.

    Only what stays the same while a study runs: two runs with equal facts ran on the same machine.
    The steps of a clock are empty where it cannot be set, and `clock_notes` say why. Clocks that are
    `gpu_on_request` (of a workstation or server GPU) are set only when steps are asked for by name.
    `backends` can run a network's file here, best first, and `probes` make a network of their own;
    `backend_notes` say of each other one what it lacks. In `virtual_time` nobody waits for a window.
    """

    rig: str
    machine_id: str
    architecture: str
    cpu_model: str
    cpus: tuple[int, ...]
    last_level_cache_bytes: int | None
    kernel: str
    confinement: str
    virtual_time: bool = False
    # Virtual machines grow theirs as it is used; and a note explains, it does not identify.
    memory_bytes: int = field(default=0, compare=False)
    confinement_note: str = field(default="", compare=False)
    cpu_steps_hz: tuple[int, ...] = ()
    gpu_steps_hz: tuple[int, ...] = ()
    emc_steps_hz: tuple[int, ...] = ()
    gpu_on_request: bool = False
    clock_notes: tuple[str, ...] = field(default=(), compare=False)
    rails: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    probes: tuple[str, ...] = ()
    backend_notes: tuple[str, ...] = field(default=(), compare=False)
    gpus: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trial:
    """One window. Without `inference` a stressor runs alone; without `stressor` the network does;
    without both the machine idles.

    `round` is which repeat it belongs to, `block` the group that shares its solo baseline.
    `trial_id` is a hash of everything else, so the same plan always yields the same ids.
    """

    trial_id: str
    round: int
    block: int
    inference: Inference | None
    stressor: Stressor | None
    clocks: ClockPoint
    placement: Placement
    warmup_s: float
    settle_s: float
    window_s: float
    max_start_temp_c: float | None = None


class Doubt(str, enum.Enum):
    """Why a number may not mean what it says. Shown beside it, with `remedy`."""

    TOO_FEW_SAMPLES = "too few samples"
    TOO_FEW_BLOCKS = "too few blocks"
    STRESSOR_ENDED_EARLY = "stressor ended early"
    NO_RUN_COMPLETED = "no run completed"
    CPU_TIME_STOLEN = "cpu time stolen"
    OTHER_LOAD = "other load"
    CLOCK_DRIFTED = "clock drifted"
    THROTTLED = "throttled"
    STARTED_HOT = "started hot"
    WINDOW_SHORT_FOR_SENSOR = "window short for sensor"
    SENSOR_STALLED = "sensor stalled"
    SENSOR_FAILED = "sensor failed"
    READING_IMPLAUSIBLE = "reading implausible"
    ENERGY_UNRESOLVED = "energy unresolved"
    TRIALS_FAILED = "trials failed"

    @property
    def remedy(self) -> str:
        """What to do about it, in one sentence."""
        return _REMEDIES[self]


_REMEDIES = {
    Doubt.TOO_FEW_SAMPLES: "lengthen --window until each window holds enough inferences for the tail",
    Doubt.TOO_FEW_BLOCKS: "raise --repeats: an interval needs two complete blocks at the least",
    Doubt.STRESSOR_ENDED_EARLY: "make the task run longer, or look at why its processes ended inside the window",
    Doubt.NO_RUN_COMPLETED: "lengthen --window beyond the time that the task needs for one run",
    Doubt.CPU_TIME_STOLEN: "the hypervisor gave this machine's CPUs to another; measure on a quieter host",
    Doubt.OTHER_LOAD: "stop the other programs on the inference CPUs, or choose others with --inference-cpus",
    Doubt.CLOCK_DRIFTED: "a pinned clock ran at another rate inside the window: look for thermal or power limits",
    Doubt.THROTTLED: "the machine slowed itself down: cool it, raise its power limit, or ask for lower clocks",
    Doubt.STARTED_HOT: "the machine did not cool down to --max-start-temp in time: cool it, or allow a warmer start",
    Doubt.WINDOW_SHORT_FOR_SENSOR: "lengthen --window to ten refresh periods of the slowest power sensor",
    Doubt.SENSOR_STALLED: "a power sensor stood still under load: see whether another program holds it",
    Doubt.SENSOR_FAILED: "a power sensor could not be read: python -m colocate doctor tells which are there",
    Doubt.READING_IMPLAUSIBLE: "a power sensor showed a negative power or a counter that ran backwards",
    Doubt.ENERGY_UNRESOLVED: "the power above idle is not known to 20 %: lengthen --window, or raise --repeats",
    Doubt.TRIALS_FAILED: "read the messages of the failed trials; --resume runs them again",
}


@dataclass(frozen=True, slots=True)
class Work:
    """What a stressor did in `elapsed_s`: `count` of `unit` in all its processes together, using `cpu_s` of CPU."""

    unit: str
    count: float
    elapsed_s: float
    cpu_s: float


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

    `kind` is the operator, where the profile tells.
    """

    name: str
    kind: str
    time_s: float
    energy_j: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TrialRecord:
    """What one trial showed.

    `begins_s` (n,) is when each inference began, from the window's start; `latencies_s` (n,) how long it
    took on the host; of a network with a period, when it was due and how long after that it was done. `device_s` (n,)
    is how long on the accelerator, where that can be told. `gpu_temperature_c` is
    the GPU's own sensor and `throttle_reasons` what its driver said held its clock down, both within the window.
    `runtime` is what the runtime said of itself and of how it runs the network: versions, provider, settings.
    `profile` is where one inference spends its time, taken right after the window where a rig was asked for it.
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
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its interval; the ends are None where the data cannot give them."""

    value: float
    lo: float | None
    hi: float | None

    def excludes(self, truth: float) -> bool:
        """Whether the interval is known and `truth` lies outside it."""
        return self.lo is not None and self.hi is not None and not self.lo <= truth <= self.hi


@dataclass(frozen=True, slots=True)
class Cell:
    """One network x stressor x placement x clock point over all its blocks; the unit of every table and figure.

    `stressor` is `none` for the solo baseline. `slowdown_p50` and `slowdown_p99` are co-located over solo, as is
    `slowdown_mean`, which is of the mean latency.
    `work_loss_ratio` is 1 - (work rate beside the network / work rate alone at the same clock point).
    Of a network with a period, `miss_ratio` is the share of its inferences that were not done within it, and
    `longest_miss_run` how many of these followed one another in one window at the most.
    """

    inference: Inference
    stressor: str
    placement: str
    clocks: ClockPoint
    n: int
    blocks: int
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    slowdown_p50: Interval | None = None
    slowdown_p99: Interval | None = None
    power_w: float | None = None
    power_gpu_w: float | None = None
    power_cpu_w: float | None = None
    energy_per_inference_j: float | None = None
    idle_power_w: float | None = None
    work_per_s: float | None = None
    work_loss_ratio: float | None = None
    emc_hz: int | None = None
    temperature_c: float | None = None
    doubts: tuple[Doubt, ...] = ()
    miss_ratio: float | None = None
    longest_miss_run: int | None = None
    slowdown_mean: Interval | None = None
