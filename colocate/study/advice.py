"""Bounds and limits -> verdicts: which tasks may run beside which network, where, and which choice does most."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colocate.study.bounds import Looks, once
from colocate.study.evidence import Evidence, Quantity
from colocate.study.model import Cell, ClockPoint, Interval


class Verdict(str, enum.Enum):
    """What is known of a cell, or of one quantity of it, under limits."""

    SAFE = "SAFE"
    UNSAFE = "UNSAFE"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold beside the network; None sets no limit, and one at least is set.

    `slo_s` and `max_slowdown` (1.2 = 20 % slower) are for the latency at `quantile`, 0.5, 0.95 or 0.99;
    `power_budget_w` is for the mean power of the board; `max_work_loss` is the share of its work that a task may
    lose. `confidence` is for the whole table, each side for itself: no wrong SAFE, and no wrong UNSAFE. Raises
    SpecError for a limit that makes no sense.
    """

    slo_s: float | None = None
    max_slowdown: float | None = None
    quantile: float = 0.95
    power_budget_w: float | None = None
    max_work_loss: float | None = None
    confidence: float = 0.95

    @property
    def by_quantity(self) -> Mapping[Quantity, float]:
        """The limits that are set."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Check:
    """One quantity of a cell against its limit. `interval` is None where the quantity is absent.

    `margin` is 1 - upper bound / limit, the share of the limit left over; None without an upper bound or for a limit
    of 0. `further_blocks` would probably settle it; None where it is settled or the data cannot say. `reason` says
    in words why an UNDECIDED one is.
    """

    quantity: Quantity
    limit: float
    interval: Interval | None
    verdict: Verdict
    margin: float | None
    further_blocks: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on a cell. `open` tells whether further blocks can change it."""

    cell: Cell
    verdict: Verdict
    checks: tuple[Check, ...]
    further_blocks: int | None
    open: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A placement and clock point of one network with the tasks that are SAFE there.

    The tasks were measured one at a time, so they may take turns, not run together.
    """

    network: str
    backend: str
    precision: str
    batch: int
    placement: str
    clocks: ClockPoint
    tasks: tuple[str, ...]
    work_share: float | None
    power_w: float | None
    work_share_per_j: float | None
    slowdown: float | None
    margins: Mapping[Quantity, float | None]
    on_front: bool
    recommended: bool


@dataclass(frozen=True, slots=True)
class Advice:
    """Verdicts on every cell that has a task, and every place where a task is SAFE."""

    limits: Limits
    rulings: tuple[Ruling, ...]
    choices: tuple[Choice, ...]

    @property
    def recommended(self) -> tuple[Choice, ...]:
        """At most one choice per network and way to run it."""
        return tuple(choice for choice in self.choices if choice.recommended)


def advise(evidence: Sequence[Evidence], limits: Limits, looks: Looks = once) -> Advice:
    """Judge every cell of `evidence` that has a task under `limits`."""
    raise NotImplementedError
