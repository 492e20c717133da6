"""How a sweep is shown: its page, a figure for each quantity, and its tables on a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.model.cell import Interval
from colocate.report.run_report import load
from colocate.report.sweep.metrics import METRICS, containment_metrics, latency_metric
from colocate.report.sweep.section import SECTION
from colocate.request.limit_keys import LimitChanges
from tests.report.compare.runs import run
from tests.report.drawn import CAPTION, cell, loaded, records_of


def test_a_sweep_writes_its_page_and_names_every_figure(tmp_path: Path) -> None:
    cells = [cell()]
    found = loaded(cells, records_of(cells), folder=tmp_path)
    (tmp_path / "verdicts.csv").write_text("of other limits")
    report = SECTION.load(found, {})
    assert [path.name for path in SECTION.files(report, found)] == ["report.html"]
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    figures = dict(SECTION.figures(report, found, CAPTION))
    assert list(figures) == [
        "verdicts",
        *(f"heatmap-{metric.name}" for metric in (*METRICS, latency_metric(found.evidence, "p95"))),
        *(f"containment-{metric.name}" for metric in containment_metrics(found.evidence)),
        *(f"boards-{metric.name}" for metric in METRICS),
        "distributions",
        "founding-study",
    ]
    drawn = {name for name, pages in figures.items() if pages()}
    assert drawn == {"heatmap-slowdown-p50", "distributions"}
    assert set(SECTION.json(report, found).values()) == {None}


def test_each_quantity_that_was_measured_is_drawn() -> None:
    cells = [cell(power_w=8.0, work_loss_ratio=Interval(0.1, None, None))]
    found = loaded(cells, records_of(cells))
    drawn = {name for name, pages in SECTION.figures(SECTION.load(found, {}), found, CAPTION) if pages()}
    assert drawn >= {"heatmap-power", "heatmap-work-loss"}


def test_a_sweep_has_no_aim() -> None:
    with pytest.raises(SpecError, match="see colocate advise"):
        SECTION.load(loaded([]), {"latency_limit_s": 0.1})


def test_a_person_sees_the_cells(capsys: pytest.CaptureFixture[str]) -> None:
    found = loaded([cell()])
    SECTION.show(SECTION.load(found, {}), found)
    said = capsys.readouterr().out
    assert "jpeg" in said and "1.13" in said


def test_limits_in_force_are_printed_with_what_they_allow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = load(run(tmp_path / "run"), LimitChanges({"max_slowdown": 2.0, "percentile": "p50"}))
    report = SECTION.load(found, {})
    SECTION.show(report, found)
    said = capsys.readouterr().out.splitlines()
    assert said[-2] == "1 SAFE, 0 UNSAFE, 0 UNDECIDED with p50 slowdown <= 2"
    assert said[-1].startswith("mine: mine, isolated: p95 ") and said[-1].endswith("(limit 2)")
    shown = SECTION.json(report, found)
    assert shown["limits"]["max_slowdown"] == 2.0 and shown["counts"]["SAFE"] == 1
