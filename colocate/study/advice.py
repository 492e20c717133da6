"""Evidence and limits -> advice: the verdict on every cell, and which task to run beside a network, and where."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.limits import Limits, Quantity
from colocate.model.request import Inference
from colocate.study.bounds import Bounds, Looks, bounds, once
from colocate.study.evidence import Evidence
from colocate.study.simplicity import ALIKE_RATIO, complexity, simplest
from colocate.study.verdicts import LimitCheck, Ruling, Verdict, absence, deciding, rule_on, verdict
from colocate.study.work import does_nothing

__all__ = [
    "Advice", "Choice", "LimitCheck", "Limits", "Merit", "Ruling", "Verdict", "absence", "advise", "best_choice",
    "deciding", "more_work", "verdict",
]  # fmt: skip


class Merit(Enum):
    """What the choices of a network are ranked by: the first of these quantities that is known."""

    WORK_PER_JOULE = "most work per joule"
    WORK = "most work"
    SLOWDOWN = "least slowdown"


@dataclass(frozen=True, slots=True)
class Choice:
    """A cell whose verdict is SAFE: one task, or one mix of tasks, that may be deployed. Unknown numbers are None.

    `work_share` is `Evidence.work_share`. `work_share_per_j` is `work_share` over the board's mean power in W: how
    many seconds of the task's best solo work one joule buys. `latency_s` and `slowdown` are at the percentile of the
    limits. `margins` are the shares of each limit that are left over (`verdicts.LimitCheck`).

    The other fields compare the choices of one network. An `idle` choice has no mark: its task does next to no work
    there.

    - `on_front`: no other choice does as much work for as little power, or if a power is unknown, for as little
      slowdown. Values that look equal in tables count as equal. Of equal choices, one is marked.
    - `recommended`: the best by `merit`, but in the simplest containment and placement that come within 5 % of it at
      the same clocks. If `merit` is the slowdown, in the simplest of all at these clocks.
    - `best_of_task`: it would be recommended if the network had this task alone.
    """

    cell: Cell
    work_share: float | None
    work_share_per_j: float | None
    latency_s: float | None
    slowdown: float | None
    margins: Mapping[Quantity, float | None]
    on_front: bool = False
    recommended: bool = False
    merit: Merit = Merit.WORK_PER_JOULE
    best_of_task: bool = False

    @property
    def idle(self) -> bool:
        """Whether the task does next to no work (`work.does_nothing`)."""
        return does_nothing(self.work_share)


@dataclass(frozen=True, slots=True)
class Advice:
    """The verdict on every cell that has a task, and a choice for each SAFE one, both in the order of the cells.

    `bounds` are what the verdicts rest on, in the order of `rulings`.
    """

    limits: Limits
    bounds: tuple[Bounds, ...]
    rulings: tuple[Ruling, ...]
    choices: tuple[Choice, ...]

    @property
    def judged(self) -> int:
        """How many cells were judged. The allowed chance of a wrong verdict is divided among them."""
        return len(self.rulings)

    @property
    def recommended(self) -> tuple[Choice, ...]:
        """The recommended choice of each network that has one. A network that is run in two ways counts as two."""
        return tuple(choice for choice in self.choices if choice.recommended)


def advise(evidence: Sequence[Evidence], limits: Limits, looks: Looks = once) -> Advice:
    """Judge every cell of `evidence` that has a task. The module `bounds` has the rule, and what it guarantees.

    `evidence` is that of all cells, solo baselines included. `looks` is the `sequential.Schedule` if the study could
    stop early, because the bounds must then allow for every look at its table.
    """
    judged = bounds(evidence, limits.confidence, looks)
    rulings = tuple(rule_on(each, limits) for each in judged)
    return Advice(limits, judged, rulings, _choices(judged, rulings, limits))


def _choices(judged: Sequence[Bounds], rulings: Sequence[Ruling], limits: Limits) -> tuple[Choice, ...]:
    by_network: defaultdict[Inference, list[Choice]] = defaultdict(list)
    for each, ruling in zip(judged, rulings, strict=True):
        if ruling.verdict is Verdict.SAFE:
            by_network[ruling.cell.inference].append(_choice(each, ruling, limits))
    return tuple(choice for choices in by_network.values() for choice in _ranked(choices))


def _choice(each: Bounds, ruling: Ruling, limits: Limits) -> Choice:
    work_share, power_w = each.evidence.work_share, ruling.cell.power_w
    latency, slowdown = (
        None if (found := each.estimates.get(of(limits.percentile))) is None else found.interval.value
        for of in (Quantity.latency, Quantity.slowdown)
    )
    latency_s = ruling.cell.latency_s(limits.percentile)
    return Choice(
        ruling.cell,
        work_share,
        None if work_share is None or not power_w else work_share / power_w,
        latency if latency_s is None else latency_s,
        slowdown,
        dict(zip(limits.by_quantity, (check.margin for check in ruling.checks), strict=True)),
    )


def _ranked(choices: Sequence[Choice]) -> list[Choice]:
    """Return the choices of one network, marked: the Pareto front, the recommended choice, the best of each task.

    Idle choices get no mark. A choice whose work is unknown is on no front. It can be recommended only if the work of
    every other choice is unknown too; then the least slowdown decides.
    """
    useful = [choice for choice in choices if not choice.idle]
    best = best_choice(useful).cell if useful else None
    merit, _ = _scores(useful)
    of_task = {best_choice([choice for choice in useful if choice.cell.task == task]).cell for task in _tasks(useful)}
    front = _front([choice for choice in useful if choice.work_share is not None], of_task)
    return [
        dataclasses.replace(
            choice,
            on_front=choice.cell in front,
            recommended=choice.cell == best,
            merit=merit,
            best_of_task=choice.cell in of_task,
        )
        for choice in choices
    ]


def _front(known: Sequence[Choice], preferred: Collection[Cell]) -> set[Cell]:
    """Return the Pareto front of choices whose work is known: the more work and the less power, the better.

    If a power is unknown, slowdown stands in for power. Values count as tables show them: whole per cent of full
    speed, and three digits of power or slowdown. Of choices that are equal in these, one is on the front: a
    `preferred` one if there is one, else the simplest.
    """
    cost = _column({i: choice.cell.power_w for i, choice in enumerate(known)})
    cost = cost or _column({i: choice.slowdown for i, choice in enumerate(known)})
    points = [
        (-round(100 * (choice.work_share or 0.0)), float(f"{cost[i]:.3g}"), choice)
        for i, choice in enumerate(known)
        if cost
    ]
    front, least = set[Cell](), math.inf
    # The most work first: what follows has to cost less.
    for _, shown, choice in sorted(points, key=lambda p: (*p[:2], p[2].cell not in preferred, complexity(p[2].cell))):
        if shown < least:
            front.add(choice.cell)
            least = shown
    return front


def _tasks(choices: Sequence[Choice]) -> list[str]:
    return list(dict.fromkeys(choice.cell.task for choice in choices))


def best_choice(choices: Sequence[Choice]) -> Choice:
    """Return which of one or more choices of a network to recommend, by the rule of `Choice.recommended`."""
    merit, score = _scores(choices)
    best = max(score, key=lambda i: score[i], default=0)
    alike = [i for i, choice in enumerate(choices) if _setting(choice) == _setting(choices[best])]
    merits = [None if merit is Merit.SLOWDOWN else score.get(i) for i in alike]
    return choices[alike[simplest([choices[i].cell for i in alike], merits)]]


def more_work(one: Choice, other: Choice) -> bool:
    """Whether both have the same task, and its work in `one` is more than 1 / `ALIKE_RATIO` times that in `other`."""
    return (
        one.cell.task == other.cell.task
        and one.work_share is not None
        and other.work_share is not None
        and ALIKE_RATIO * one.work_share > other.work_share
    )


def _scores(choices: Sequence[Choice]) -> tuple[Merit, dict[int, float]]:
    """Return the merit that ranks these choices, and the known scores by index; a higher score is better."""
    work = {i: choice.work_share for i, choice in enumerate(choices) if choice.work_share is not None}
    if not work:
        return Merit.SLOWDOWN, {i: -each.slowdown for i, each in enumerate(choices) if each.slowdown is not None}
    if per_j := _column({i: choices[i].work_share_per_j for i in work}):
        return Merit.WORK_PER_JOULE, per_j
    return Merit.WORK, work


def _setting(choice: Choice) -> CellKey:
    """The key of a choice's cell without its containment and placement."""
    return CellKey.of_cell(choice.cell)._replace(containment=None, placement="")


def _column(values: Mapping[int, float | None]) -> dict[int, float]:
    """The values, or nothing if any of them is unknown: then they cannot be ranked."""
    found = {i: value for i, value in values.items() if value is not None}
    return found if len(found) == len(values) else {}
