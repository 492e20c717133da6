"""How a sweep is shown: its page, a figure for each quantity, and its tables on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.model.cell import Interval
from colocate.report.sweep.metrics import METRICS, containment_metrics
from colocate.report.sweep.section import SECTION
from tests.report.drawn import CAPTION, cell, loaded, records_of


def test_a_sweep_writes_its_page_and_names_every_figure(tmp_path: Path) -> None:
    cells = [cell()]
    run = loaded(cells, records_of(cells), folder=tmp_path)
    (tmp_path / "verdicts.csv").write_text("of other limits")
    report = SECTION.load(run, {})
    assert [path.name for path in SECTION.files(report, run)] == ["report.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    figures = dict(SECTION.figures(report, run, CAPTION))
    assert list(figures) == [
        *(f"heatmap-{metric.name}" for metric in METRICS),
        *(f"containment-{metric.name}" for metric in containment_metrics(run.evidence)),
        "distributions",
        "founding-study",
    ]
    drawn = {name for name, figure in figures.items() if figure is not None}
    assert drawn == {"heatmap-slowdown-p50", "distributions"}
    assert SECTION.json(report, run) == {}


def test_each_quantity_that_was_measured_is_drawn() -> None:
    cells = [cell(power_w=8.0, work_loss_ratio=Interval(0.1, None, None))]
    run = loaded(cells, records_of(cells))
    drawn = {name for name, figure in SECTION.figures(SECTION.load(run, {}), run, CAPTION) if figure is not None}
    assert drawn >= {"heatmap-power", "heatmap-work-loss"}


def test_a_sweep_has_no_aim() -> None:
    with pytest.raises(SpecError, match="see colocate advise"):
        SECTION.load(loaded([]), {"latency_limit_s": 0.1})


def test_a_person_sees_the_cells(capsys: pytest.CaptureFixture[str]) -> None:
    run = loaded([cell()])
    SECTION.show(SECTION.load(run, {}), run)
    said = capsys.readouterr().out
    assert "jpeg" in said and "1.13" in said
