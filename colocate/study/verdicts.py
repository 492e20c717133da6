"""Turn bounds and limits into verdicts: what SAFE, UNSAFE and UNDECIDED mean, and why a cell is UNDECIDED."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable
from dataclasses import dataclass

from colocate.model.cell import Cell, Interval
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag
from colocate.study.bounds import Bounds
from colocate.study.evidence import Evidence


class Verdict(str, enum.Enum):
    """The verdict on a cell, or on one quantity of it, under limits."""

    SAFE = "SAFE"
    UNSAFE = "UNSAFE"
    UNDECIDED = "UNDECIDED"


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """One quantity of a cell compared with its limit. `interval` is None if the quantity is absent.

    `margin` is 1 - upper bound / limit, the share of the limit left over; None without an upper bound, or if no float
    holds it. `further_blocks` is how many more blocks would probably decide it; None if it is decided or the data
    cannot say. `reason` says why it is UNDECIDED, else empty. `curable` says whether more blocks may decide it.
    """

    quantity: Quantity
    limit: float
    interval: Interval | None
    verdict: Verdict
    margin: float | None
    further_blocks: int | None
    reason: str
    curable: bool


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on a cell, from one check per limit.

    `further_blocks` is how many more blocks would probably decide it; None if it is decided or the data cannot say.
    `open` says whether it is undecided and more blocks may change that. `reason` says why it is undecided, else
    empty.
    """

    cell: Cell
    verdict: Verdict
    checks: tuple[LimitCheck, ...]
    further_blocks: int | None
    open: bool
    reason: str


def verdict(interval: Interval, limit: float) -> Verdict:
    """Return UNSAFE if the lower bound breaks the limit, SAFE if the upper bound meets it, else UNDECIDED."""
    if interval.lo is not None and interval.lo > limit:
        return Verdict.UNSAFE
    if interval.hi is not None and interval.hi <= limit:
        return Verdict.SAFE
    return Verdict.UNDECIDED


def deciding(ruling: Ruling) -> LimitCheck:
    """Return the check that decides the verdict: of those with the cell's verdict, the one with the least left to its
    limit.

    For an UNDECIDED cell that may turn out UNSAFE, it is the one whose estimate breaks its limit furthest.
    """
    found = [check for check in ruling.checks if check.verdict is ruling.verdict]
    return min(found, key=_left)


def left(ruling: Ruling) -> float:
    """Return the share of its limit that the deciding quantity of a cell leaves over; negative beyond the limit."""
    return _left(deciding(ruling))


def excess(ruling: Ruling) -> float:
    """Return the largest ratio of a quantity of the cell to its limit: the cell with the least is nearest to SAFE.

    An absent quantity may be anything, so its ratio is infinite.
    """
    return max(math.inf if check.interval is None else check.interval.value / check.limit for check in ruling.checks)


def _left(check: LimitCheck) -> float:
    """Return the share of the limit left over; 0 for an absent quantity, which may be anything."""
    if check.verdict is Verdict.SAFE and check.margin is not None:
        return check.margin
    return 0.0 if check.interval is None else 1 - check.interval.value / check.limit


def rule_on(of: Bounds, limits: Limits) -> Ruling:
    """Return the verdict on one cell: UNSAFE if any limit is broken, else SAFE if all are met, else UNDECIDED."""
    checks = tuple(_check(of, quantity, limit) for quantity, limit in limits.by_quantity.items())
    verdicts = {check.verdict for check in checks}
    undecided = [check for check in checks if check.verdict is Verdict.UNDECIDED]
    cell = of.evidence.cell
    if Verdict.UNSAFE in verdicts or not undecided:
        decided = Verdict.UNSAFE if Verdict.UNSAFE in verdicts else Verdict.SAFE
        return Ruling(cell, decided, checks, None, open=False, reason="")
    # One limit broken suffices for UNSAFE; SAFE takes all of them.
    breaking = [check for check in undecided if check.interval is not None and check.interval.value > check.limit]
    estimates = [check.further_blocks for check in breaking or undecided]
    known = [further for further in estimates if further is not None]
    further = (min(known) if known else None) if breaking else (max(known) if len(known) == len(estimates) else None)
    return Ruling(
        cell,
        Verdict.UNDECIDED,
        checks,
        further,
        open=any(check.curable for check in breaking) if breaking else all(check.curable for check in undecided),
        reason="; ".join(dict.fromkeys(check.reason for check in undecided)),
    )


def _check(of: Bounds, quantity: Quantity, limit: float) -> LimitCheck:
    estimate = of.estimates.get(quantity)
    withheld = of.evidence.withheld.get(quantity, ())
    if estimate is None:
        # A disturbance may be gone in the next windows. A value that undisturbed windows do not have stays missing.
        curable = quantity in of.evidence.left_out and not withheld and not of.evidence.closed
        reason = absence(of.evidence, quantity)
        return LimitCheck(quantity, limit, None, Verdict.UNDECIDED, None, None, reason, curable)
    interval = estimate.interval
    found = verdict(interval, limit)
    margin = None if interval.hi is None else _finite(1 - interval.hi / limit)
    if found is not Verdict.UNDECIDED:
        return LimitCheck(quantity, limit, interval, found, margin, None, "", curable=False)
    if withheld and interval.value <= limit:
        reason = f"{quantity.words} is within its limit but has the warning {_words(withheld)}"
        return LimitCheck(quantity, limit, interval, found, margin, None, reason, curable=False)
    if of.evidence.closed:
        reason = f"{quantity.words} rests on few steady windows: {QualityFlag.ALTERNATION_DIFFERS.value}"
        return LimitCheck(quantity, limit, interval, found, margin, None, reason, curable=False)
    hopeful = of.hopeful(quantity, limit)
    if estimate.spread_log is None:
        reason = f"{quantity.words} has no interval yet: it takes at least two repeats"
    elif hopeful:
        reason = f"the limit lies inside the interval of {quantity.words}"
    else:
        reason = f"{quantity.words} is too near to its limit for the repeats that are left"
    return LimitCheck(quantity, limit, interval, found, margin, of.further_blocks(quantity, limit), reason, hopeful)


def _finite(value: float) -> float | None:
    """Return `value`, or None if it is infinite, as a ratio to a very small limit may be."""
    return value if math.isfinite(value) else None


def absence(evidence: Evidence, quantity: Quantity) -> str:
    """Return in words why `quantity` has no value in `evidence`."""
    left_out = evidence.left_out.get(quantity)
    return f"no window counts: {_words(left_out)}" if left_out else _ABSENT[quantity.kind]


_ABSENT = {
    "latency": "no window holds enough inferences to know this percentile: lengthen --window",
    "slowdown": "no block holds enough inferences, alone and beside, to know this percentile: lengthen --window",
    "power": "the power of the board was not metered",
    "work": "the work of the task was not measured, alone and beside the network in the same repeat",
}


def _words(warnings: Iterable[QualityFlag]) -> str:
    return ", ".join(warning.value for warning in warnings)
