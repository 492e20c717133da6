"""The quantities that can be judged, and the limits for them. This module imports no other data class, so that any
may use it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from colocate.errors import SpecError

MEAN = "mean"
PERCENTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
# The statistics of the latency that a limit may be set for.
STATISTICS = (*PERCENTILES, MEAN)

# A loss above this counts as a loss of all work, because log(0) does not exist.
LOSS_MAX = 0.999


class Quantity(str, enum.Enum):
    """A quantity that can be judged: latency, slowdown, power or work loss. Larger is worse. The value is the
    quantity's name in JSON, with its unit.
    """

    LATENCY_P50 = "latency_p50_s"
    LATENCY_P95 = "latency_p95_s"
    LATENCY_P99 = "latency_p99_s"
    LATENCY_MEAN = "latency_mean_s"
    SLOWDOWN_P50 = "slowdown_p50"
    SLOWDOWN_P95 = "slowdown_p95"
    SLOWDOWN_P99 = "slowdown_p99"
    SLOWDOWN_MEAN = "slowdown_mean"
    POWER = "power_w"
    WORK_LOSS = "work_loss_ratio"

    @classmethod
    def latency(cls, statistic: str) -> Quantity:
        """Return the latency at `statistic`, one of `STATISTICS`."""
        return cls(f"latency_{statistic}_s")

    @classmethod
    def slowdown(cls, statistic: str) -> Quantity:
        """Return the slowdown at `statistic`, one of `STATISTICS`."""
        return cls(f"slowdown_{statistic}")

    @property
    def kind(self) -> str:
        """`latency`, `slowdown`, `power` or `work`. A verdict uses at most one quantity of each kind."""
        return self.value.partition("_")[0]

    @property
    def words(self) -> str:
        """The quantity in words: `p95 latency`, `power`, `work loss`."""
        kind = "work loss" if self.kind == "work" else self.kind
        tail = self.value.removesuffix("_s").rpartition("_")[2]
        return f"{tail} {kind}" if self.kind in ("latency", "slowdown") else kind

    def log(self, value: float) -> float:
        """Return `value` on the logarithmic scale on which blocks are averaged. The scale rises with `value`.

        It is log(value), and for a work loss -log(1 - value), with the loss cut to at most `LOSS_MAX`. A ratio of
        values, or of work kept, is a difference on this scale.
        """
        return -math.log1p(-min(value, LOSS_MAX)) if self is Quantity.WORK_LOSS else math.log(value)

    def exp(self, log: float) -> float:
        """Return the value whose `log` this is; infinite if a float cannot hold it."""
        if self is Quantity.WORK_LOSS:
            return whole_loss(-math.expm1(-log)) if log > -_LARGEST_LOG else -math.inf
        return math.exp(log) if log < _LARGEST_LOG else math.inf

    def end(self, log: float) -> float | None:
        """Return the end of an interval whose `log` this is; None if it is infinite."""
        value = self.exp(log)
        return value if math.isfinite(value) else None


_LARGEST_LOG = 700.0


def whole_loss(ratio: float) -> float:
    """Return the work loss `ratio`, or 1 if it is `LOSS_MAX` or more."""
    return 1.0 if ratio >= LOSS_MAX - 1e-9 else ratio


def parse_percentile(text: str | float) -> str:
    """Return `p95`, `95`, `0.95` or `mean` as one of `STATISTICS`. Raises SpecError for any other text or number.

    A text is a name and not a number: Python's `float` would also take `9_5`, `+95` and digits of other scripts.
    """
    if isinstance(text, str):
        said = text.strip().lower()
        if said in STATISTICS:
            return said
        matches = (name for name, level in PERCENTILES.items() if said in (f"{level:g}", f"{100 * level:g}"))
    else:
        matches = (name for name, level in PERCENTILES.items() if text in (level, round(100 * level)))
    for name in matches:
        return name
    raise SpecError(f"percentile {str(text)!r} is not one of {', '.join(STATISTICS)}")


class LimitBounds(NamedTuple):
    """The range of a limit: it must lie between `lowest` and `highest`, both excluded. `name` and `example` are for
    messages.
    """

    name: str
    lowest: float
    highest: float
    example: str

    def hold(self, limit: float) -> bool:
        """Whether `limit` lies inside the range."""
        return self.lowest < limit < self.highest


# The key is the field of Limits.
LIMIT_BOUNDS = {
    "slo_s": LimitBounds("the latency limit", 0.0, math.inf, "above 0"),
    "max_slowdown": LimitBounds("the largest slowdown", 1.0, math.inf, "a ratio above 1, as in 1.2 for 20 % slower"),
    "power_budget_w": LimitBounds("the power budget", 0.0, math.inf, "above 0 W"),
    "max_work_loss": LimitBounds("the largest work loss", 0.0, 1.0, "a share between 0 and 1, as in 0.1 for 10 %"),
}
CONFIDENCE_MIN = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that a task must keep. None sets no limit; at least one limit must be set.

    `slo_s` limits the latency and `max_slowdown` the slowdown (1.2 = 20 % slower), each at `percentile`, one of
    `STATISTICS`. `power_budget_w` limits the mean power of the board. `max_work_loss` limits the share of its work
    that the task loses. `confidence` is for the whole table of verdicts: with at least this probability no SAFE is
    wrong, and likewise no UNSAFE. Raises SpecError for a value outside its range, and if no limit is set.
    """

    slo_s: float | None = None
    max_slowdown: float | None = None
    percentile: str = "p95"
    power_budget_w: float | None = None
    max_work_loss: float | None = None
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if self.percentile not in STATISTICS:
            raise SpecError(f"percentile {self.percentile!r} is not one of {', '.join(STATISTICS)}")
        if not CONFIDENCE_MIN <= self.confidence < 1:
            raise SpecError(f"confidence {self.confidence:g} must lie between 0.5 and 1, as in 0.95")
        for field, bounds in LIMIT_BOUNDS.items():
            limit = getattr(self, field)
            if limit is not None and not bounds.hold(limit):
                raise SpecError(f"{bounds.name} is {limit:g}; it must be {bounds.example}")
        if not self.by_quantity:
            raise SpecError("nothing to judge by: set a latency limit, a slowdown, a power budget or a work loss")

    @property
    def by_quantity(self) -> Mapping[Quantity, float]:
        """The value of each limit that is set, by its quantity."""
        every = {
            Quantity.latency(self.percentile): self.slo_s,
            Quantity.slowdown(self.percentile): self.max_slowdown,
            Quantity.POWER: self.power_budget_w,
            Quantity.WORK_LOSS: self.max_work_loss,
        }
        return {quantity: limit for quantity, limit in every.items() if limit is not None}
