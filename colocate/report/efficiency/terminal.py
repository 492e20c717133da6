"""Print the settings of a run of `colocate efficiency` on a terminal."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping

from colocate.model.cell import Interval
from colocate.model.purpose import Aim, LatencyStatistic
from colocate.model.quality import QualityFlag
from colocate.report.efficiency.load import EfficiencyReport
from colocate.report.efficiency.words import QUANTILE_WORDS, aim_words, setting_parts, trade_off_words
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import model_words
from colocate.report.text.labels import plain
from colocate.report.text.numbers import quantity_words
from colocate.report.text.settings import print_choices, print_end, print_head, shared_parts
from colocate.report.text.tables import console, print_rows, warning_numbers
from colocate.study.efficiency import Efficiency

# From here on a table holds the intervals of all quantities.
_WIDE_COLUMNS = 110
# Left out first where the terminal is too narrow.
SPARE = ("J/image", "p50 ms")


def _columns(tail: LatencyStatistic) -> Mapping[str, bool]:
    """The columns by name, and whether their text may be broken into lines."""
    whole = ("images/s", "p50 ms", f"{QUANTILE_WORDS[tail]} ms", "W", "images/s/W", "J/image", "", "note")
    return {"setting": True, **dict.fromkeys(whole, False)}


def _tail(aim: Aim) -> LatencyStatistic:
    """The percentile shown beside the median: that of `aim`, or p99 if that is the median."""
    return "p99_s" if aim.quantile == "p50_s" else aim.quantile


def print_efficiency(report: EfficiencyReport, run: LoadedRun) -> None:
    """Print every setting, one a line, and the choice for each network."""
    out = console()
    parts = [setting_parts(row) for row in report.rows]
    shared = shared_parts(parts)
    print_head(out, run.header.facts, len(run.records), run.header.planned, shared)
    numbers = warning_numbers(warning for row in report.rows for warning in row.warnings)
    narrow = out.width < _WIDE_COLUMNS
    for network, rows in itertools.groupby(report.rows, lambda row: row.setting.inference.network):
        found = list(rows)
        print_rows(
            out,
            f"{plain(network)}.",
            _columns(_tail(report.aim)),
            [_row(row, report, shared, numbers, narrow=narrow) for row in found],
            ["bold" if _mark(row, report) == "best" else "" for row in found],
            keep=("setting",),
            spare=SPARE,
        )
    failed = [row.failure is not None and not row.windows for row in report.rows]
    print_end(out, "repeats", "efficiency.csv", numbers, failed, narrow=narrow)
    model = model_words(run.header.facts)
    heading = f"Best for {aim_words(report.aim)}{f' ({model})' if model else ''}"
    print_choices(out, heading, ((each.network, trade_off_words(each, report)) for each in report.trade_offs))


def _row(
    row: Efficiency,
    report: EfficiencyReport,
    shared: Collection[str],
    numbers: Mapping[QualityFlag, str],
    *,
    narrow: bool,
) -> tuple[str, ...]:
    """The row of one setting under `_columns`. On a `narrow` terminal only images/s/W has its interval."""
    tail: Interval | None = getattr(row, _tail(report.aim))
    quantities = (
        (row.images_per_s, 1, narrow), (row.p50_s, 1e3, narrow), (tail, 1e3, narrow),
        (row.power_w, 1, narrow), (row.images_per_j, 1, False), (row.energy_per_image_j, 1, narrow),
    )  # fmt: skip
    return (
        " ".join(part for part in setting_parts(row) if part not in shared),
        *(quantity_words(interval, scale, alone=alone) for interval, scale, alone in quantities),
        _mark(row, report),
        " ".join(numbers[warning] for warning in row.warnings),
    )


def _mark(row: Efficiency, report: EfficiencyReport) -> str:
    if row.failure is not None and not row.windows:
        return "failed"
    words = [word for word in ("best", "default") if any(getattr(f, word) is row for f in report.trade_offs)]
    return ", ".join(words)
