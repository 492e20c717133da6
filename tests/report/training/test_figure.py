"""Energy against time."""

from __future__ import annotations

from matplotlib.text import Annotation

from colocate.report.training.figure import draw_training
from tests.report.drawn import CAPTION
from tests.report.training.settings import report_of, run_of


def test_each_setting_is_a_mark_with_its_batch_and_accuracy() -> None:
    report = report_of(run_of())
    (figure,) = draw_training(report.choices[0], report, CAPTION)
    marks = [found.get_text() for axes in figure.axes for found in axes.findobj(Annotation)]
    assert sorted(marks) == ["128, 98.0 %", "128, 98.0 %", "64, 98.0 %", "64, 98.0 %"]


def test_without_energy_there_is_no_figure() -> None:
    report = report_of(run_of(watts=None))
    assert draw_training(report.choices[0], report, CAPTION) == []
