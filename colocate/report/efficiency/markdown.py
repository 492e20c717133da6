"""A run of `colocate efficiency` as a page of Markdown, report.md."""

from __future__ import annotations

from collections.abc import Iterable

from colocate.model.cell import Interval
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.efficiency.words import aim_words, setting_words, trade_off_words
from colocate.report.run_report import LoadedRun
from colocate.report.text.numbers import three_digits
from colocate.report.text.settings import markdown_choices, markdown_head, markdown_warnings
from colocate.report.text.tables import markdown_table

COLUMNS = ("network", "setting", "images/s", "p50, ms", "p95, ms", "p99, ms", "power, W", "images/s/W", "J/image", "")


def efficiency_markdown(report: EfficiencyReport, run: LoadedRun) -> str:
    """The best setting of each network, then every setting, as Markdown."""
    choices = ((each.network, trade_off_words(each, report)) for each in report.trade_offs)
    return "\n".join([
        *markdown_head(run.folder, run.header.facts, len(run.records), run.header.planned),
        *markdown_choices(f"Best for {aim_words(report.aim)}", choices),
        "## Settings",
        "",
        *markdown_table(COLUMNS, _rows(report)),
        *markdown_warnings([warning for row in report.rows for warning in row.warnings]),
    ])  # fmt: skip


def _rows(report: EfficiencyReport) -> Iterable[tuple[str, ...]]:
    for row in report.rows:
        quantities = (
            (row.images_per_s, 1), (row.p50_s, 1e3), (row.p95_s, 1e3), (row.p99_s, 1e3), (row.power_w, 1),
            (row.images_per_j, 1), (row.energy_per_image_j, 1),
        )  # fmt: skip
        marks = [word for word in ("best", "default") if any(getattr(f, word) is row for f in report.trade_offs)]
        yield (
            row.setting.inference.network,
            setting_words(row),
            *(_value_words(interval, scale) for interval, scale in quantities),
            f"failed: {row.failure}" if row.failure and not row.windows else ", ".join(marks),
        )


def _value_words(interval: Interval | None, scale: float) -> str:
    return "" if interval is None else three_digits(scale * interval.value)
