"""All blocks of one setting together: the unit of every table and figure."""

from __future__ import annotations

from dataclasses import dataclass

from colocate.model.cause import ExtraTime
from colocate.model.containment import Containment
from colocate.model.quality import QualityFlag
from colocate.model.request import ClockPoint, Inference

SOLO = "none"
"""The task of a solo baseline."""


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
    """One network x task x containment x placement x clock point over all its blocks; a row of every table.

    `task` is `none` for the solo baseline. `slowdown_p50`, `slowdown_p95` and `slowdown_p99` are co-located over
    solo, as is `slowdown_mean`, which is of the mean latency.
    `work_loss_ratio` is 1 - (work rate beside the network / work rate alone at the same clock point).
    `alternating`: these ratios are from alternating windows, and latencies from them, too; else from steady ones.
    Of a network with a period, `miss_ratio` is the share of its inferences that were not done within it, and
    `longest_miss_run` how many of these followed one another in one window at the most. `extra_time` is where a
    significant slowdown of the mean comes from, as far as the kernel counted it. `power_ends_w` and `energy_ends_j`
    are those of the intervals of `power_w` and `energy_per_inference_j`, over the windows; `power_ratio` and
    `energy_ratio` are beside the task over alone.
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
        """The latency at one of `limits.STATISTICS`, of all windows together; None for the mean, which is known for
        each window only.
        """
        return {"p50": self.p50_s, "p95": self.p95_s, "p99": self.p99_s}.get(statistic)

    def slowdown(self, statistic: str) -> Interval | None:
        """The slowdown at one of `limits.STATISTICS`."""
        by_name = {
            "p50": self.slowdown_p50, "p95": self.slowdown_p95, "p99": self.slowdown_p99, "mean": self.slowdown_mean
        }  # fmt: skip
        return by_name[statistic]
