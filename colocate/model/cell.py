"""The result of one setting over all its blocks: one row of every table."""

from __future__ import annotations

from dataclasses import dataclass

from colocate.model.cause import ExtraTime
from colocate.model.containment import Containment
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference

SOLO = "none"
"""The task name of a solo baseline, in which the network runs alone."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its confidence interval from `lo` to `hi`. An end is None if the data cannot give it."""

    value: float
    lo: float | None
    hi: float | None

    def excludes(self, truth: float) -> bool:
        """Whether the interval is known and `truth` lies outside it."""
        return self.lo is not None and self.hi is not None and not self.lo <= truth <= self.hi


@dataclass(frozen=True, slots=True)
class Cell:
    """The result for one network, task, containment, placement and clock point, over all its blocks.

    `task` is `none` for the solo baseline. `n` counts inferences. `slowdown_p50`, `slowdown_p95`, `slowdown_p99` and
    `slowdown_mean` are ratios: that latency beside the task over the same latency alone. `work_loss_ratio` is 1 -
    (work rate beside the network / work rate alone at the same clock point). `extra_time` divides a significant
    slowdown by cause, as far as the kernel counted it. `alternating` is true if latencies, slowdowns and work loss
    come from alternating windows, false if they come from steady ones.

    For a network with a period, `miss_ratio` is the share of inferences that were not done within the period, and
    `longest_miss_run` the largest number of consecutive misses in one window. `power_ends_w` and `energy_ends_j` are
    the ends of the confidence intervals of `power_w` and `energy_per_inference_j` over the windows. `power_ratio` and
    `energy_ratio` are the value beside the task over the value alone. None means unknown.
    """

    inference: Inference
    task: str
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
    work_loss_ratio: Interval | None = None
    emc_hz: int | None = None
    temperature_c: float | None = None
    warnings: tuple[QualityFlag, ...] = ()
    miss_ratio: float | None = None
    longest_miss_run: int | None = None
    slowdown_mean: Interval | None = None
    slowdown_p95: Interval | None = None
    alternating: bool = False
    containment: Containment | None = None
    extra_time: ExtraTime | None = None
    power_ends_w: tuple[float, float] | None = None
    energy_ends_j: tuple[float, float] | None = None
    power_ratio: Interval | None = None
    energy_ratio: Interval | None = None

    def latency_s(self, statistic: str) -> float | None:
        """The latency at `statistic`, one of `limits.STATISTICS`, in seconds. None if unknown, and for the mean,
        which a cell does not keep.
        """
        return {"p50": self.p50_s, "p95": self.p95_s, "p99": self.p99_s}.get(statistic)

    def slowdown(self, statistic: str) -> Interval | None:
        """The slowdown at `statistic`, one of `limits.STATISTICS`; None if unknown."""
        by_name = {
            "p50": self.slowdown_p50, "p95": self.slowdown_p95, "p99": self.slowdown_p99, "mean": self.slowdown_mean
        }  # fmt: skip
        return by_name[statistic]
