"""Which containment a task should have: the best of those that are SAFE, or if none is, the one nearest to SAFE."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.request import Inference
from colocate.study.advice import Advice, Choice, best_choice
from colocate.study.verdicts import Ruling, Verdict, excess


@dataclass(frozen=True, slots=True)
class Contained:
    """The best containment and clocks of one task beside one network in one placement: those of the cell of `ruling`.

    If the task has SAFE cells there, this is the best of them by the rule of `advise`. Otherwise it is the cell
    nearest to SAFE, or any cell if each has an unknown quantity under a limit. `work_share` is `Evidence.work_share`.
    `best_of_task`: it is SAFE, and no other placement has a better choice.
    """

    ruling: Ruling
    work_share: float | None
    best_of_task: bool

    @property
    def safe(self) -> bool:
        """Whether the task may run in this way."""
        return self.ruling.verdict is Verdict.SAFE


def containments(advice: Advice) -> tuple[Contained, ...]:
    """Return one `Contained` for each task beside each network in each placement, in the order of the rulings."""
    shares = {each.evidence.cell: each.evidence.work_share for each in advice.bounds}
    choices = {choice.cell: choice for choice in advice.choices}
    groups: defaultdict[tuple[Inference, str, str], list[Ruling]] = defaultdict(list)
    for ruling in advice.rulings:
        groups[ruling.cell.inference, ruling.cell.placement, ruling.cell.task].append(ruling)
    return tuple(_best(members, shares, choices) for members in groups.values())


def _best(
    members: Sequence[Ruling], shares: Mapping[Cell, float | None], choices: Mapping[Cell, Choice]
) -> Contained:
    safe = {ruling.cell: ruling for ruling in members if ruling.verdict is Verdict.SAFE}
    if not safe:
        nearest = min(members, key=excess)
        return Contained(nearest, shares.get(nearest.cell), best_of_task=False)
    own = [choices[cell] for cell in safe]
    # Choices are marked over all placements, so the marked cell may differ from the best one of this placement.
    marked = [choice for choice in own if choice.best_of_task]
    best = marked[0] if marked else best_choice([choice for choice in own if not choice.idle] or own)
    return Contained(safe[best.cell], best.work_share, best_of_task=bool(marked))
