"""Every kind of run has its section, found by the name of the command that makes it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import get_args

import pytest

from colocate.errors import SpecError
from colocate.model.purpose import Aim, Axes, EfficiencyPurpose, Purpose, SweepPurpose
from colocate.report.sections import Section, refuse_aim, section_of
from tests.report.drawn import CAPTION, cell, loaded, records_of
from tests.report.layers import looked_at

PURPOSES: list[Purpose] = [
    SweepPurpose(), EfficiencyPurpose(Axes(("alexnet",)), Aim(), "auto"), looked_at.run().header.purpose
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


def test_a_sweep_writes_its_page_and_names_every_figure(tmp_path: Path) -> None:
    cells = [cell()]
    run = loaded(cells, records_of(cells), folder=tmp_path)
    section = section_of(run.header.purpose)
    content = section.load(run, {})
    assert [path.name for path in section.files(content, run)] == ["report.html"]
    figures = dict(section.figures(content, run, CAPTION))
    assert {name for name, figure in figures.items() if figure is not None} == {
        "heatmap-slowdown-p50",
        "distributions",
    }
    assert figures.keys() > {"heatmap-power", "heatmap-work-loss", "founding-study"}
    assert section.json(content, run) == {}


def test_a_run_of_layers_writes_two_tables_and_two_figures(tmp_path: Path) -> None:
    run = dataclasses.replace(looked_at.run(), folder=tmp_path)
    section = section_of(run.header.purpose)
    content = section.load(run, {})
    assert [path.name for path in section.files(content, run)] == ["layers.csv", "layer-groups.csv"]
    assert [name for name, figure in section.figures(content, run, CAPTION) if figure] == ["layers", "roofline"]
    assert section.json(content, run).keys() == {"layers", "groups", "difference_ratio", "ceilings", "notes"}
