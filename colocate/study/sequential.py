"""Sequential stopping: verdicts that stay valid although a running study is judged again and again.

A look judges all cells after some of the repeats. Cells with a verdict, and cells with little hope of one, then get
no more blocks; the others are measured until the next look. Each look spends an equal share of the error, so the
bounds of all looks hold at once (`bounds.mean_bounds`), and a verdict once given stays. Each look comes after about
1.5 times as many repeats as the look before. A look after every repeat would widen all bounds by more than stopping
early saves. A dropped cell stays UNDECIDED, which is never wrong, so it costs no error.

A study is judged from its records alone: each look is repeated with the values that it had. So an interrupted study
continues where it stopped, and `advise` with the same `Schedule` gives the verdicts that the study gave.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from colocate.errors import SpecError
from colocate.model.cell import Cell
from colocate.model.limits import Limits
from colocate.model.request import SweepSpec
from colocate.study.advice import Advice, advise
from colocate.study.bounds import Look, Looks, once
from colocate.study.evidence import Evidence
from colocate.study.verdicts import Ruling, Verdict

# Below four blocks the bounds of a large table are too wide to settle much.
FIRST_LOOK = 4
GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Schedule:
    """When to look at a study of at most `max_repeats` repeats. `schedule(n)` returns the looks taken up to repeat n.

    The first look is after `FIRST_LOOK` repeats, or after `max_repeats` if these are fewer. The last look is after
    `max_repeats`, even if cells are still undecided. In between, the number of repeats grows from look to look by a
    factor of at most about `GROWTH`. Raises SpecError for fewer than two repeats.
    """

    max_repeats: int

    def __post_init__(self) -> None:
        if self.max_repeats < 2:
            raise SpecError(f"{self.max_repeats} repeats decide nothing: an interval needs at least two")

    @property
    def repeats(self) -> tuple[int, ...]:
        """The numbers of complete repeats after which there is a look, ascending."""
        return _repeats(self.max_repeats)

    def __call__(self, repeats: int) -> tuple[Look, ...]:
        """Return the looks taken by the time `repeats` repeats are complete."""
        every = self.repeats
        return tuple(Look(each, 1 / len(every)) for each in every if each <= repeats)

    def next_look(self, repeats: int) -> int | None:
        """Return the number of complete repeats at the first look after `repeats`; None after the last look."""
        return next((each for each in self.repeats if each > repeats), None)


def looks_of(spec: SweepSpec) -> Looks:
    """Return the looks that a study's bounds have to allow for: those of its schedule, or a single one."""
    return Schedule(spec.repeats) if spec.until_decided else once


@functools.cache
def _repeats(max_repeats: int) -> tuple[int, ...]:
    first = min(FIRST_LOOK, max_repeats)
    steps = max(1, math.ceil(math.log(max_repeats / first) / math.log(GROWTH)))
    return tuple(sorted({round(first * (max_repeats / first) ** (step / steps)) for step in range(steps + 1)}))


@dataclass(frozen=True, slots=True)
class Interim:
    """The advice after a look, with its rulings sorted by what happens next.

    `settled` are SAFE or UNSAFE. `open` are undecided and measured further. `given_up` are undecided and dropped,
    because more blocks cannot decide them, or hardly by the last look; their `reason` says which.
    """

    advice: Advice
    settled: tuple[Ruling, ...]
    open: tuple[Ruling, ...]
    given_up: tuple[Ruling, ...]

    @property
    def open_cells(self) -> tuple[Cell, ...]:
        """The cells that are measured further."""
        return tuple(ruling.cell for ruling in self.open)


def judge(evidence: Sequence[Evidence], limits: Limits, schedule: Schedule) -> Interim:
    """Return the result of the latest look that the repeats in `evidence` have reached.

    The repeats must be complete: every open cell has a block in each of them, or a failed trial.
    """
    advice = advise(evidence, limits, schedule)
    settled = tuple(ruling for ruling in advice.rulings if ruling.verdict is not Verdict.UNDECIDED)
    undecided = [ruling for ruling in advice.rulings if ruling.verdict is Verdict.UNDECIDED]
    return Interim(
        advice,
        settled,
        open=tuple(ruling for ruling in undecided if ruling.open),
        given_up=tuple(ruling for ruling in undecided if not ruling.open),
    )
