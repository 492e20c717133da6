"""verdicts.csv: one row per judged cell. A new column is one line here and one in docs/reference.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from colocate.report.advise.load import AdviceReport
from colocate.report.sweep.columns import setting_columns
from colocate.report.text.tables import Value, write_rows
from colocate.study.verdicts import Ruling, deciding


def verdict_row(ruling: Ruling, rig: str) -> Mapping[str, Value]:
    """The row of one cell of a run on `rig`, with the quantity that decided its verdict; an unknown value is None."""
    check = deciding(ruling)
    value = check.interval
    return {
        **setting_columns(ruling.cell, rig),
        "verdict": ruling.verdict.value,
        # The name carries the unit of the four columns that follow.
        "decided_by": check.quantity.value,
        "limit": check.limit,
        "value": value.value if value else None,
        "value_lo": value.lo if value else None,
        "value_hi": value.hi if value else None,
        "further_blocks": ruling.further_blocks,
        "reason": ruling.reason or None,
    }


def write_verdicts(report: AdviceReport, path: Path) -> Path:
    """Write verdicts.csv. Raises OSError."""
    rig = report.run.header.facts.rig
    write_rows(path, [verdict_row(ruling, rig) for ruling in report.advice.rulings])
    return path
