"""Print the settings of a run of `colocate training` on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

from colocate.model.quality import QualityFlag
from colocate.report.run_report import LoadedRun
from colocate.report.text.labels import plain
from colocate.report.text.numbers import percent_text, quantity_words
from colocate.report.text.settings import print_choices, print_end, print_head, shared_parts
from colocate.report.text.tables import console, print_rows, warning_numbers
from colocate.report.training.load import TrainingReport
from colocate.report.training.words import accuracy_words, aim_words, choice_words, epoch_unit, training_parts
from colocate.study.training import TrainingSetting

_COLUMNS = {
    "setting": True,
    **dict.fromkeys(
        (
            "images/s",
            "step p50 ms",
            "p99 ms",
            "W",
            "J/image",
            "s/epoch",
            "{unit}/epoch",
            "exchange",
            "accuracy",
            "",
            "note",
        ),
        False,
    ),
}
# Left out first where the terminal is too narrow.
SPARE = ("p99 ms", "J/image", "step p50 ms", "exchange", "W")
_ABOVE_COLUMNS = 140


def print_training(report: TrainingReport, run: LoadedRun) -> None:
    """Print every setting, one a line, and the choice for each network."""
    out = console()
    parts = [training_parts(row) for row in report.rows]
    shared = shared_parts(parts)
    print_head(out, run.header.facts, len(run.records), run.header.planned, shared)
    numbers = warning_numbers(warning for row in report.rows for warning in row.cost.warnings)
    narrow = out.width < _ABOVE_COLUMNS
    for network, rows in itertools.groupby(report.rows, lambda row: row.cost.setting.inference.network):
        found = list(rows)
        scale, unit = epoch_unit(found)
        print_rows(
            out,
            f"{plain(network)}.",
            {name.format(unit=unit): growing for name, growing in _COLUMNS.items()},
            [_row(row, report, shared, numbers, scale, narrow=narrow) for row in found],
            ["bold" if report.is_chosen(row) else "" for row in found],
            keep=("setting",),
            spare=SPARE,
        )
    failed = [row.cost.failure is not None and not row.cost.windows for row in report.rows]
    print_end(out, "seeds", "training.csv", numbers, failed, narrow=narrow)
    if run.header.spec.tasks:
        out.print("What each task costs a step, and loses itself, is in cells.csv.", highlight=False)
    heading = f"Chosen for {aim_words(report)}"
    print_choices(out, heading, ((each.network, choice_words(each, report)) for each in report.choices))


def _row(
    row: TrainingSetting,
    report: TrainingReport,
    shared: Collection[str],
    numbers: Mapping[QualityFlag, str],
    epoch_scale: float,
    *,
    narrow: bool,
) -> tuple[str, ...]:
    """The row of a setting under `_COLUMNS`. On a `narrow` terminal only the energy of an epoch has its interval."""
    cost, exchange = row.cost, row.all_reduce_ratio
    quantities = (
        (cost.images_per_s, 1, narrow), (cost.p50_s, 1e3, narrow), (cost.p99_s, 1e3, narrow),
        (cost.power_w, 1, narrow), (cost.energy_per_image_j, 1, narrow), (row.epoch_s, 1, narrow),
        (row.epoch_j, epoch_scale, False),
    )  # fmt: skip
    return (
        ", ".join(part for part in training_parts(row) if part not in shared),
        *(quantity_words(interval, scale, alone=alone) for interval, scale, alone in quantities),
        "" if exchange is None else percent_text(exchange),
        accuracy_words(row.accuracy),
        training_mark(row, report),
        " ".join(numbers[warning] for warning in cost.warnings),
    )


def training_mark(row: TrainingSetting, report: TrainingReport) -> str:
    """The mark of a setting: `failed`, `chosen`, `front` if it is on the Pareto front, else empty."""
    if row.cost.failure is not None and not row.cost.windows:
        return "failed"
    if report.is_chosen(row):
        return "chosen"
    return "front" if report.is_on_front(row) else ""
