"""Those whom a sweep may tell of its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from colocate.model.machine import HostFacts
from colocate.model.trial import Failure, Trial, TrialRecord
from colocate.study.narrowing import Narrowing
from colocate.study.plan import Stage


class Silence:
    """Says nothing; keeps what it heard."""

    def __init__(self) -> None:
        self.missing: tuple[Trial, ...] = ()
        self.outcomes: list[TrialRecord | Failure] = []
        self.stages: list[Stage] = []
        self.narrowings: list[Narrowing | None] = []

    def begins(self, missing: Sequence[Trial], planned: int, facts: HostFacts) -> None:
        self.missing = tuple(missing)

    def starts(self, trial: Trial) -> None:
        pass

    def ended(self, outcome: TrialRecord | Failure) -> None:
        self.outcomes.append(outcome)

    def enters(self, stage: Stage, wanted: int) -> None:
        self.stages.append(stage)

    def completes(self, narrowing: Callable[[], Narrowing | None]) -> None:
        self.narrowings.append(narrowing())
