"""Evidence and limits -> advice: the verdict on every cell, and which choice of tasks and clocks does most."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.limits import Limits, Quantity
from colocate.model.request import ClockPoint, Inference
from colocate.study.bounds import Bounds, Looks, bounds, once
from colocate.study.evidence import Evidence
from colocate.study.verdicts import LimitCheck, Ruling, Verdict, absence, deciding, rule_on, verdict

__all__ = [
    "TURNS", "Advice", "Choice", "LimitCheck", "Limits", "Ruling", "Verdict",
    "absence", "advise", "deciding", "verdict",
]  # fmt: skip

TURNS = "Tasks were measured one at a time: those of one choice may take turns there, not run together."


@dataclass(frozen=True, slots=True)
class Choice:
    """A placement and clock point of one network, with the tasks that are SAFE there: one at least.

    The tasks were measured one at a time, so they take turns. All tasks judged beside the network get turns of equal
    length; the turn of one that is not SAFE stays empty, and the network runs alone. Over T turns, w the share of its
    best solo rate that a task reaches (`Evidence.work_share`) and P the board's mean power during a turn:

        work_share = sum(w of the safe tasks) / T
        power_w = sum(P of all turns) / T
        work_share_per_j = work_share / power_w, the seconds of best solo work done per joule

    `slowdown` is the largest of the tasks', and `margins` the smallest left to each limit. Absent is None.
    `on_front`: no other choice of the network does as much work for as little power, or where power is
    unknown for as little slowdown, and better one of them. `recommended` is the choice of the network with the most
    work per joule, or where power is unknown with the most work.
    """

    inference: Inference
    placement: str
    clocks: ClockPoint
    tasks: tuple[str, ...]
    work_share: float | None
    power_w: float | None
    work_share_per_j: float | None
    slowdown: float | None
    margins: Mapping[Quantity, float | None]
    on_front: bool = False
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """Verdicts on every cell that has a task, and every place where a task is SAFE; both in the order of the cells.

    `judged` is how many cells share the error.
    """

    limits: Limits
    rulings: tuple[Ruling, ...]
    choices: tuple[Choice, ...]

    @property
    def judged(self) -> int:
        """How many cells the confidence is shared by."""
        return len(self.rulings)

    @property
    def recommended(self) -> tuple[Choice, ...]:
        """At most one choice per network and way to run it."""
        return tuple(choice for choice in self.choices if choice.recommended)


def advise(evidence: Sequence[Evidence], limits: Limits, looks: Looks = once) -> Advice:
    """Judge every cell of `evidence` that has a task; see `bounds` for the rule and for what it guarantees.

    `evidence` is that of all cells, solo baselines included. `looks` is the `sequential.Schedule` of a study that
    was made until decided, as it stopped where it liked what it saw.
    """
    judged = bounds(evidence, limits.confidence, looks)
    rulings = tuple(rule_on(each, limits) for each in judged)
    return Advice(limits, rulings, _choices(evidence, judged, rulings, limits))


_Place = tuple[Inference, str, ClockPoint]


def _place(cell: Cell) -> _Place:
    return cell.inference, cell.placement, cell.clocks


def _choices(
    evidence: Sequence[Evidence], judged: Sequence[Bounds], rulings: Sequence[Ruling], limits: Limits
) -> tuple[Choice, ...]:
    solo_power_w = {_place(each.cell): each.cell.power_w for each in evidence if not each.colocated}
    tasks: defaultdict[Inference, set[str]] = defaultdict(set)
    safe: defaultdict[_Place, list[tuple[Bounds, Ruling]]] = defaultdict(list)
    for each, ruling in zip(judged, rulings, strict=True):
        place = _place(ruling.cell)
        tasks[place[0]].add(ruling.cell.task)
        if ruling.verdict is Verdict.SAFE:
            safe[place].append((each, ruling))
    by_network: defaultdict[Inference, list[Choice]] = defaultdict(list)
    for place, members in safe.items():
        turns = len(tasks[place[0]])
        by_network[place[0]].append(_choice(place, members, turns, solo_power_w.get(place), limits))
    return tuple(choice for choices in by_network.values() for choice in _ranked(choices))


def _choice(
    place: _Place,
    members: Sequence[tuple[Bounds, Ruling]],
    turns: int,
    solo_power_w: float | None,
    limits: Limits,
) -> Choice:
    work_share = _total([each.evidence.work_share for each, _ in members])
    power_w = _total([*(ruling.cell.power_w for _, ruling in members), *[solo_power_w] * (turns - len(members))])
    slowdowns = [each.estimates.get(Quantity.slowdown(limits.percentile)) for each, _ in members]
    known = [estimate.interval.value for estimate in slowdowns if estimate is not None]
    margins = {
        quantity: min((margin for margin in column if margin is not None), default=None)
        for quantity, column in zip(
            limits.by_quantity,
            zip(*([check.margin for check in r.checks] for _, r in members), strict=True),
            strict=True,
        )
    }
    return Choice(
        *place,
        tasks=tuple(ruling.cell.task for _, ruling in members),
        work_share=None if work_share is None else work_share / turns,
        power_w=None if power_w is None else power_w / turns,
        work_share_per_j=None if work_share is None or not power_w else work_share / power_w,
        slowdown=max(known) if len(known) == len(members) else None,
        margins=margins,
    )


def _total(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _ranked(choices: Sequence[Choice]) -> list[Choice]:
    """The choices of one network with the Pareto front and the recommended one marked."""
    work = _column(choice.work_share for choice in choices)
    cost = _column(choice.power_w for choice in choices) or _column(choice.slowdown for choice in choices)
    score = _column(choice.work_share_per_j for choice in choices) or work
    # Where it is not known what a task gets done, the place that admits most tasks has to do.
    best = max(range(len(choices)), key=lambda i: score[i] if score else len(choices[i].tasks))
    front = set()
    if work and cost:
        points = list(zip(work, cost, strict=True))
        front = {
            i
            for i, (w, c) in enumerate(points)
            if not any(w2 >= w and c2 <= c and (w2, c2) != (w, c) for w2, c2 in points)
        }
    return [
        dataclasses.replace(choice, on_front=i in front, recommended=i == best) for i, choice in enumerate(choices)
    ]


def _column(values: Iterable[float | None]) -> list[float]:
    """The values of all choices, empty unless every one is known: an unknown one cannot be ranked."""
    found = list(values)
    known = [value for value in found if value is not None]
    return known if len(known) == len(found) else []
