"""What a run of `colocate training` shows: every setting, and the choice for each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from colocate.model.purpose import TrainingAim, TrainingPurpose
from colocate.report.run_report import LoadedRun
from colocate.report.sections import refuse_aim, refuse_limits
from colocate.study.training import TrainingChoice, TrainingSetting, training_choices, training_settings


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """Every setting, and for each network the choice under `aim`."""

    aim: TrainingAim
    rows: tuple[TrainingSetting, ...]
    choices: tuple[TrainingChoice, ...]

    def is_chosen(self, row: TrainingSetting) -> bool:
        """Whether `row` is the choice for its network."""
        return any(choice.best is row for choice in self.choices)

    def is_on_front(self, row: TrainingSetting) -> bool:
        """Whether `row` is Pareto-optimal: no other setting of its network is both faster and lower in energy."""
        return any(row is other for choice in self.choices for other in choice.front)


def load(run: LoadedRun, changes: Mapping[str, Any]) -> TrainingReport:
    """What a run of `colocate training` shows. Raises SpecError if the user gave limits or changed the aim."""
    refuse_aim(changes)
    refuse_limits(run)
    purpose, header = run.header.purpose, run.header
    assert isinstance(purpose, TrainingPurpose), "the section of this purpose"
    failures = [(failure.trial, failure.message) for failure in run.failures]
    rows = training_settings(run.records, header.spec, failures)
    return TrainingReport(purpose.aim, rows, training_choices(rows, purpose.aim))
