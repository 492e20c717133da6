"""How runs of `colocate training` are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from colocate.report.drawing.saving import Pages
from colocate.report.run_report import LoadedRun
from colocate.report.sections import Section
from colocate.report.text.captions import Caption
from colocate.report.text.labels import file_stems
from colocate.report.text.tables import write_rows
from colocate.report.training.figure import draw_training
from colocate.report.training.load import TrainingReport, load
from colocate.report.training.markdown import training_markdown
from colocate.report.training.rows import choice_row, training_row
from colocate.report.training.scaling import draw_scaling
from colocate.report.training.terminal import print_training


def _files(report: TrainingReport, run: LoadedRun) -> Iterator[Path]:
    table = run.folder / "training.csv"
    write_rows(table, [training_row(row, report) for row in report.rows])
    yield table


def _figures(report: TrainingReport, run: LoadedRun, caption: Caption) -> Iterator[tuple[str, Pages]]:
    stems = file_stems([choice.network for choice in report.choices])
    for choice in report.choices:
        yield f"training-{stems[choice.network]}", partial(draw_training, choice, report, caption)
        yield f"scaling-{stems[choice.network]}", partial(draw_scaling, choice, report, caption)


def _json(report: TrainingReport, run: LoadedRun) -> Mapping[str, Any]:
    return {
        "settings": [training_row(row, report) for row in report.rows],
        "choices": [choice_row(choice) for choice in report.choices],
    }


SECTION = Section(load, _files, _figures, print_training, _json, training_markdown)
