"""Verdicts for boards like the measured ones: what holds on 95 % of them, at the confidence of the limits.

Each quantity has a value that 95 % of boards stay below. A cell is SAFE if the upper bounds of all these values meet
their limits, and UNSAFE if the lower bound of any breaks its limit. The cells share the error as in `bounds`: a wrong
SAFE needs one particular bound to fail, a wrong UNSAFE can come from any limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.cell import Cell, Interval
from colocate.model.limits import Limits, Quantity
from colocate.model.trial import FloatArray
from colocate.study.evidence import Evidence
from colocate.study.tolerance import Scatter, quantile_over_boards, scatter
from colocate.study.verdicts import Verdict, verdict


@dataclass(frozen=True, slots=True)
class OverBoards:
    """One quantity of a cell over boards.

    `quantile` is the value that 95 % of boards stay below, with its bounds; `scatter` is how logarithms of values
    vary.
    """

    quantile: Interval
    scatter: Scatter


@dataclass(frozen=True, slots=True)
class Promise:
    """The verdict on a cell for boards like those that ran it, and its limited quantities. `boards` is how many ran
    it.
    """

    cell: Cell
    boards: int
    verdict: Verdict
    limited: Mapping[Quantity, OverBoards]


def promises(evidence: Sequence[Evidence], limits: Limits) -> tuple[Promise, ...]:
    """Return one Promise for each cell that has a task and that every board of a fleet ran."""
    judged = [each for each in evidence if each.colocated and each.boards]
    wanted = limits.by_quantity
    upper = (1 - limits.confidence) / max(1, len(judged))
    lower = upper / max(1, len(wanted))
    return tuple(_promise(each, wanted, upper, lower) for each in judged)


def _promise(evidence: Evidence, wanted: Mapping[Quantity, float], upper: float, lower: float) -> Promise:
    limited: dict[Quantity, OverBoards] = {}
    verdicts = set()
    for quantity, limit in wanted.items():
        found = over_boards(evidence, quantity, upper, lower)
        if found is not None:
            limited[quantity] = found
        verdicts.add(Verdict.UNDECIDED if found is None else verdict(found.quantile, limit))
    decided = next((each for each in (Verdict.UNSAFE, Verdict.UNDECIDED) if each in verdicts), Verdict.SAFE)
    return Promise(evidence.cell, len(evidence.boards), decided, limited)


def over_boards(evidence: Evidence, quantity: Quantity, upper: float, lower: float) -> OverBoards | None:
    """Return how a quantity is distributed over boards; None if a board has no value of it.

    `upper` and `lower` are the chances with which the two bounds may fail. There is no upper bound if a warning on
    any board forbids the verdict SAFE.
    """
    levels = log_levels(evidence, quantity)
    if not all(len(own) for own in levels):
        return None
    means = np.array([own.mean() for own in levels])
    up, down = quantile_over_boards(means, upper), quantile_over_boards(means, lower)
    withheld = any(quantity in own.withheld for own in evidence.boards.values())
    quantile = Interval(
        quantity.exp(up.value),
        None if down.lo is None else quantity.end(down.lo),
        None if up.hi is None or withheld else quantity.end(up.hi),
    )
    return OverBoards(quantile, scatter(levels))


def log_levels(evidence: Evidence, quantity: Quantity) -> list[FloatArray]:
    """Return the values of each board's repeats, (repeats,) each, on the scale of `Quantity.log`."""
    return [
        np.array([quantity.log(value) for value in own.values.get(quantity, {}).values()])
        for own in evidence.boards.values()
    ]
