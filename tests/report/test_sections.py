"""Every kind of run has its section, found by the name of the command that makes it."""

from __future__ import annotations

from typing import get_args

import pytest

from colocate.errors import SpecError
from colocate.model.purpose import (
    Aim,
    Axes,
    EfficiencyPurpose,
    Purpose,
    SweepPurpose,
    TrainingAim,
    TrainingAxes,
    TrainingPurpose,
)
from colocate.report.sections import Section, refuse_aim, section_of
from tests.report.drawn import loaded
from tests.report.layers import looked_at

PURPOSES: list[Purpose] = [
    SweepPurpose(), EfficiencyPurpose(Axes(("alexnet",)), Aim(), "auto"), looked_at.run().header.purpose,
    TrainingPurpose(TrainingAxes(), TrainingAim()),
]  # fmt: skip


def test_no_kind_of_run_is_left_out() -> None:
    assert {type(purpose) for purpose in PURPOSES} == {*get_args(Purpose)}


@pytest.mark.parametrize("purpose", PURPOSES, ids=lambda purpose: purpose.command)
def test_every_kind_of_run_has_its_section(purpose: Purpose) -> None:
    section = section_of(purpose)
    assert isinstance(section, Section)
    assert section.load.__module__.startswith(f"colocate.report.{purpose.command}.")


@pytest.mark.parametrize("purpose", [SweepPurpose(), looked_at.run().header.purpose], ids=lambda each: each.command)
def test_a_run_without_settings_refuses_an_aim(purpose: Purpose) -> None:
    run = loaded([]) if isinstance(purpose, SweepPurpose) else looked_at.run()
    with pytest.raises(SpecError, match="has settings to choose from; see colocate advise"):
        section_of(purpose).load(run, {"quantile": "p50_s"})
    refuse_aim({})
