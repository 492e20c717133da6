"""How runs of `colocate efficiency` are shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from colocate.files import remove_file, write_file
from colocate.report.drawing.saving import Pages
from colocate.report.efficiency.best_study import best_study
from colocate.report.efficiency.figure import draw_efficiency
from colocate.report.efficiency.load import EfficiencyReport, load
from colocate.report.efficiency.markdown import efficiency_markdown
from colocate.report.efficiency.rows import setting_row, trade_off_row
from colocate.report.efficiency.terminal import print_efficiency
from colocate.report.run_report import LoadedRun
from colocate.report.sections import Section
from colocate.report.text.captions import Caption
from colocate.report.text.labels import file_stems
from colocate.report.text.tables import write_rows


def _files(report: EfficiencyReport, run: LoadedRun) -> Iterator[Path]:
    table, best = run.folder / "efficiency.csv", run.folder / "best.toml"
    write_rows(table, [setting_row(row, report) for row in report.rows])
    yield table
    if (study := best_study(report, run.header)) is None:
        # A file that was made for another aim would be taken for this one's.
        remove_file(best)
    else:
        yield write_file(best, study)


def _figures(report: EfficiencyReport, run: LoadedRun, caption: Caption) -> Iterator[tuple[str, Pages]]:
    stems = file_stems([found.network for found in report.trade_offs])
    for found in report.trade_offs:
        yield f"efficiency-{stems[found.network]}", partial(draw_efficiency, found, report, caption)


def _json(report: EfficiencyReport, run: LoadedRun) -> Mapping[str, Any]:
    return {
        "settings": [setting_row(row, report) for row in report.rows],
        "trade_offs": [trade_off_row(found) for found in report.trade_offs],
    }


SECTION = Section(load, _files, _figures, print_efficiency, _json, efficiency_markdown)
