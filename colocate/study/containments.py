"""Which containment lets a task do most: of those that are SAFE, and where none is, which came nearest."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.request import Inference
from colocate.study.evidence import Evidence
from colocate.study.verdicts import Ruling, Verdict


@dataclass(frozen=True, slots=True)
class Contained:
    """A task beside a network and in a placement, in the containment, and at the clocks, that `ruling` is on.

    These are SAFE with the most work, or where none is SAFE, those that came nearest. `work_share` is
    `Evidence.work_share`.
    """

    ruling: Ruling
    work_share: float | None

    @property
    def safe(self) -> bool:
        """Whether the task may run so."""
        return self.ruling.verdict is Verdict.SAFE


def containments(rulings: Sequence[Ruling], evidence: Sequence[Evidence]) -> tuple[Contained, ...]:
    """One for each task beside each network and in each placement, in the order of `rulings`."""
    shares = {each.cell: each.work_share for each in evidence}
    groups: defaultdict[tuple[Inference, str, str], list[Ruling]] = defaultdict(list)
    for ruling in rulings:
        groups[ruling.cell.inference, ruling.cell.placement, ruling.cell.task].append(ruling)
    best = (_best(members, shares) for members in groups.values())
    return tuple(Contained(ruling, shares.get(ruling.cell)) for ruling in best)


def _best(members: Sequence[Ruling], shares: Mapping[Cell, float | None]) -> Ruling:
    safe = [ruling for ruling in members if ruling.verdict is Verdict.SAFE]
    if not safe:
        return min(members, key=_excess)

    def merit(ruling: Ruling) -> tuple[bool, float, bool]:
        share = shares.get(ruling.cell)
        # Work that is not known is less than any that is. Where a containment costs the task nothing that shows, it
        # gains nothing either: the task may run as it is.
        return share is not None, round(share or 0.0, 2), ruling.cell.containment is None

    return max(safe, key=merit)


def _excess(ruling: Ruling) -> float:
    """How many times its limit the worst quantity is; one that is not known may be anything."""
    ratios = [math.inf if check.interval is None else check.interval.value / check.limit for check in ruling.checks]
    return max(ratios)
