"""What a run of trainings is loaded as."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import SpecError
from colocate.model.purpose import TrainingAim
from colocate.report.training.load import load
from colocate.request.limit_keys import LimitChanges
from tests.report.training.settings import report_of, run_of


def test_every_setting_and_the_choice() -> None:
    report = report_of(run_of())
    assert len(report.rows) == 5
    (choice,) = report.choices
    assert choice.best is not None and report.is_chosen(choice.best) and report.is_on_front(choice.best)
    assert sum(map(report.is_chosen, report.rows)) == 1


def test_the_aim_of_the_run_holds() -> None:
    aim = TrainingAim(0.02, 1.0)
    assert report_of(run_of(aim=aim)).aim == aim


def test_limits_and_other_aims_are_refused() -> None:
    with pytest.raises(SpecError, match="colocate efficiency"):
        load(run_of(), {"utility": "fading"})
    with pytest.raises(SpecError, match="slo_ms: a run of `colocate training` has nothing to judge"):
        load(dataclasses.replace(run_of(), changes=LimitChanges({"slo_ms": 3.0})), {})
