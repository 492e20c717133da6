"""A run of `colocate training` as a page of Markdown, report.md."""

from __future__ import annotations

from collections.abc import Iterable

from colocate.report.run_report import LoadedRun
from colocate.report.text.numbers import percent_text, ratio_text, three_digits
from colocate.report.text.settings import markdown_choices, markdown_head, markdown_warnings
from colocate.report.text.tables import markdown_table
from colocate.report.training.load import TrainingReport
from colocate.report.training.terminal import training_mark
from colocate.report.training.words import accuracy_words, aim_words, choice_words, epoch_unit, training_words
from colocate.study.training import Gain

_COLUMNS = (
    "network", "setting", "images/s", "step p50, ms", "power, W", "J/image", "s/epoch", "{unit}/epoch", "exchange",
    "accuracy", "speed-up", "energy", "",
)  # fmt: skip


def training_markdown(report: TrainingReport, run: LoadedRun) -> str:
    """The choice for each network, then every setting, as a page of Markdown."""
    scale, unit = epoch_unit(report.rows)
    choices = ((each.network, choice_words(each, report)) for each in report.choices)
    return "\n".join([
        *markdown_head(run.folder, run.header.facts, len(run.records), run.header.planned),
        *markdown_choices(f"Chosen for {aim_words(report)}", choices),
        "## Settings",
        "",
        "Speed-up and energy are over one GPU with the same batch.",
        "",
        *markdown_table([name.format(unit=unit) for name in _COLUMNS], _rows(report, scale)),
        *markdown_warnings([warning for row in report.rows for warning in row.cost.warnings]),
    ])  # fmt: skip


def _rows(report: TrainingReport, epoch_scale: float) -> Iterable[tuple[str, ...]]:
    for row in report.rows:
        cost = row.cost
        quantities = (
            (cost.images_per_s, 1), (cost.p50_s, 1e3), (cost.power_w, 1), (cost.energy_per_image_j, 1),
            (row.epoch_s, 1), (row.epoch_j, epoch_scale),
        )  # fmt: skip
        failed = cost.failure and not cost.windows
        yield (
            cost.setting.inference.network,
            training_words(row),
            *("" if found is None else three_digits(scale * found.value) for found, scale in quantities),
            "" if row.all_reduce_ratio is None else percent_text(row.all_reduce_ratio),
            accuracy_words(row.accuracy),
            *_gains(row.over_one_rank),
            f"failed: {cost.failure}" if failed else training_mark(row, report),
        )


def _gains(gain: Gain | None) -> tuple[str, str]:
    if gain is None:
        return "", ""
    speed_up, energy = (
        "" if found is None else ratio_text(found.value) for found in (gain.speed_up, gain.energy_ratio)
    )
    return speed_up, energy
