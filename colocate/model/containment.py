"""How a task's use of the CPU is limited, and how a study writes this: `idle`, `weight=10`, `quota=20%/10`, `cpus=2`,
`fifo`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from colocate.errors import SpecError

NONE = "none"
KINDS = ("idle", "weight", "quota", "cpus", "fifo")
# The default, maximum and minimum of cpu.weight in cgroup v2 and cpu.shares in v1 (kernel: Documentation/admin-guide/
# cgroup-v2.rst and scheduler/sched-design-CFS.rst; MAX_SHARES in kernel/sched/sched.h).
WEIGHT_DEFAULT, WEIGHT_MAX, SHARES_DEFAULT, SHARES_MIN, SHARES_MAX = 100, 10_000, 1024, 2, 262_144
# The default, minimum and maximum period of a quota.
QUOTA_PERIOD_S, QUOTA_PERIOD_MIN_S, QUOTA_PERIOD_MAX_S = 0.1, 0.001, 1.0
# The kernel refuses a quota of less time per period (`min_cfs_quota_period` in kernel/sched/core.c).
QUOTA_MIN_S = 0.001
# CONFIG_NR_CPUS of the largest kernels.
_CPUS_MAX = 8192
_QUOTA = re.compile(r"quota=(\d+(?:\.\d+)?)%(?:/(\d+(?:\.\d+)?))?", re.ASCII)
_COUNT = re.compile(r"\d{1,6}", re.ASCII)
_HOW = (
    "write none, idle, weight=10, quota=20%, quota=20%/10 (of each 10 ms), cpus=2 or fifo (the network's thread has "
    "priority); join two with +"
)


@dataclass(frozen=True, slots=True)
class Containment:
    """The limits on a task's use of the CPU. A limit that is not set is None or False.

    `idle`: the task runs only when nothing else wants its CPU. `weight` is the task's share on a CPU that the network
    wants too; the network has 100. The task gets at most `quota_ratio` seconds of CPU per second, enforced in periods
    of `quota_period_s`. It may use only the first `cpus` of the tasks' CPUs. `fifo` limits the task indirectly: the
    network's launching thread gets real-time priority and runs before all ordinary threads.
    """

    idle: bool = False
    weight: int | None = None
    quota_ratio: float | None = None
    quota_period_s: float = QUOTA_PERIOD_S
    cpus: int | None = None
    fifo: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names in `KINDS` of the limits that are set."""
        parts = (self.idle or None, self.weight, self.quota_ratio, self.cpus, self.fifo or None)
        return tuple(kind for kind, part in zip(KINDS, parts, strict=True) if part is not None)

    def own_cpus(self, cpus: Sequence[int]) -> Sequence[int]:
        """Return those of the tasks' `cpus` that the task may use."""
        return cpus[: self.cpus]

    @property
    def quota_us(self) -> tuple[int | None, int]:
        """The quota and its period in microseconds, as cgroups take them. The quota is None if none is set."""
        period_us = round(self.quota_period_s * 1e6)
        return None if self.quota_ratio is None else round(self.quota_ratio * self.quota_period_s * 1e6), period_us

    @property
    def complexity(self) -> tuple[int, ...]:
        """A sort key that puts simpler containments first: those with fewer limits, then those with limits earlier in
        `KINDS`.
        """
        return len(self.kinds), *map(KINDS.index, self.kinds)

    @property
    def words(self) -> str:
        """The text that `parse_containment` reads, such as `quota=20%/10+cpus=2`."""
        parts = ["idle"] if self.idle else []
        if self.weight is not None:
            parts.append(f"weight={self.weight}")
        if self.quota_ratio is not None:
            period = "" if self.quota_period_s == QUOTA_PERIOD_S else f"/{1e3 * self.quota_period_s:g}"
            parts.append(f"quota={100 * self.quota_ratio:g}%{period}")
        if self.cpus is not None:
            parts.append(f"cpus={self.cpus}")
        if self.fifo:
            parts.append("fifo")
        return "+".join(parts)


def group_weight(weight: int, cpus: int) -> int:
    """Return the cpu.weight of cgroup v2 with which each process of a group on `cpus` CPUs counts like one of
    `weight` in no group: their product, at most `WEIGHT_MAX`. The kernel spreads a group's weight over the CPUs that
    the group keeps busy.
    """
    return min(weight * cpus, WEIGHT_MAX)


def group_shares(weight: int, cpus: int) -> int:
    """Return the cpu.shares of cgroup v1 that have the same effect as `group_weight`; their range is wider."""
    return max(SHARES_MIN, min(round(weight * cpus * SHARES_DEFAULT / WEIGHT_DEFAULT), SHARES_MAX))


def containment_words(containment: Containment | None) -> str:
    """Return the text of `containment`; `none` for None."""
    return NONE if containment is None else containment.words


def parse_containment(text: str) -> Containment | None:
    """Return the containment that a text such as `idle` or `quota=20%/10+cpus=2` describes; None for `none`. Raises
    SpecError with the text and what to write instead.
    """
    if text.strip() == NONE:
        return None
    found: dict[str, bool | int | float] = {}
    for part in text.strip().split("+"):
        own = _part(part.strip(), text)
        if not found.keys().isdisjoint(own):
            raise SpecError(f"containment: {text!r} says one thing twice; {_HOW}")
        found |= own
    if "idle" in found and "weight" in found:
        raise SpecError(f"containment: {text!r}: an idle task has no weight; leave one of the two out")
    return Containment(**found)  # type: ignore[arg-type]


def _part(part: str, text: str) -> dict[str, bool | int | float]:
    if part in ("idle", "fifo"):
        return {part: True}
    kind, _, value = part.partition("=")
    if kind in ("weight", "cpus"):
        most = WEIGHT_MAX if kind == "weight" else _CPUS_MAX
        if not _COUNT.fullmatch(value) or not 1 <= int(value) <= most:
            raise SpecError(f"containment: {text!r}: {kind} is a whole number from 1 to {most}")
        return {kind: int(value)}
    if match := _QUOTA.fullmatch(part):
        ratio, period_s = float(match[1]) / 100, float(match[2]) * 1e-3 if match[2] else QUOTA_PERIOD_S
        if not QUOTA_PERIOD_MIN_S <= period_s <= QUOTA_PERIOD_MAX_S:
            raise SpecError(f"containment: {text!r}: a quota is of a period of 1 to 1000 ms")
        if ratio > _CPUS_MAX:
            raise SpecError(f"containment: {text!r} is the time of more than {_CPUS_MAX} CPUs; lower the quota")
        # Allow for rounding.
        if ratio * period_s < QUOTA_MIN_S * (1 - 1e-9):
            raise SpecError(
                f"containment: {text!r} is {1e3 * ratio * period_s:.3g} ms of CPU in {1e3 * period_s:g} ms, and the "
                "kernel gives no less than 1 ms; raise the share or the period"
            )
        return {"quota_ratio": ratio, "quota_period_s": period_s}
    if kind == "quota":
        raise SpecError(f"containment: {text!r}: a quota is written quota=20%, or quota=20%/10 of each 10 ms")
    if kind in ("idle", "fifo"):
        raise SpecError(f"containment: {text!r}: {kind} takes no value; write {kind}")
    raise SpecError(f"containment: {text!r} is none that is known; {_HOW}")
