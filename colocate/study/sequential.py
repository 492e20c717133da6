"""Until decided: verdicts that stay valid however often the table is looked at, and which cells need more blocks.

After some repeats the table is looked at, cells with a verdict and cells without hope get no more blocks, and the
others go on to the next look. Each look spends an equal share of the error, so that the bounds of all looks hold at
once (`bounds.mean_bounds`) and a verdict once given stays. Looks lie half as far apart again each time: one after
every repeat would cost all of them more than the early ones save. Dropping a cell leaves it UNDECIDED, which
is never wrong, so it costs no error.

A study is judged from its records alone: looks are taken again from the values that each had. So an interrupted
one goes on where it was, and `advise` with the same `Schedule` says what the study said.
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
    """When to look at a study of at most `max_repeats` repeats; `schedule(n)` has the looks taken after n repeats.

    The first look is after `FIRST_LOOK` repeats, the last after `max_repeats`. In between, each look comes after at
    most `GROWTH` times the repeats of the one before. No look comes after the last, whatever is still measured.
    Raises SpecError for fewer than two repeats.
    """

    max_repeats: int

    def __post_init__(self) -> None:
        if self.max_repeats < 2:
            raise SpecError(f"{self.max_repeats} repeats decide nothing: an interval needs at least two")

    @property
    def repeats(self) -> tuple[int, ...]:
        """The numbers of complete repeats after which to look, rising."""
        return _repeats(self.max_repeats)

    def __call__(self, repeats: int) -> tuple[Look, ...]:
        """The looks taken by the time `repeats` repeats are complete."""
        every = self.repeats
        return tuple(Look(each, 1 / len(every)) for each in every if each <= repeats)

    def next_look(self, repeats: int) -> int | None:
        """The number of complete repeats at which to look next, above `repeats`; None after the last look."""
        return next((each for each in self.repeats if each > repeats), None)


def looks_of(spec: SweepSpec) -> Looks:
    """How often a study was looked at while it ran, which is what its bounds have to allow for."""
    return Schedule(spec.repeats) if spec.until_decided else once


@functools.cache
def _repeats(max_repeats: int) -> tuple[int, ...]:
    first = min(FIRST_LOOK, max_repeats)
    steps = max(1, math.ceil(math.log(max_repeats / first) / math.log(GROWTH)))
    return tuple(sorted({round(first * (max_repeats / first) ** (step / steps)) for step in range(steps + 1)}))


@dataclass(frozen=True, slots=True)
class Interim:
    """Where a study stands: the advice so far, with its rulings sorted by what is to be done.

    `settled` have their verdict. `open` need further blocks. `given_up` are undecided and will hardly be decided by
    the last look, or more blocks cannot help them at all: their `reason` says which.
    """

    advice: Advice
    settled: tuple[Ruling, ...]
    open: tuple[Ruling, ...]
    given_up: tuple[Ruling, ...]

    @property
    def open_cells(self) -> tuple[Cell, ...]:
        """The cells that need further blocks."""
        return tuple(ruling.cell for ruling in self.open)


def judge(evidence: Sequence[Evidence], limits: Limits, schedule: Schedule) -> Interim:
    """Where a study stands after the last look that its repeats have reached.

    `evidence` holds complete repeats: every open cell has a block in each, or a failed trial.
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
