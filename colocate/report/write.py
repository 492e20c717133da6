"""A run -> its report. Everything written here can be rebuilt from `run.sqlite`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colocate.errors import StoreError
from colocate.report.efficiency import EfficiencyReport, best_study, efficiency_of, setting_row
from colocate.report.figures import write_figures
from colocate.report.layers import LayersReport, block_row, group_rows, layers_of
from colocate.report.page.render import write_page
from colocate.report.tables import write_csv, write_rows
from colocate.report.validation import write_provenance
from colocate.store import Failure, Header, Run
from colocate.study.evidence import collect
from colocate.study.model import Cell


@dataclass(frozen=True, slots=True)
class Report:
    """What a run shows so far, and the files that say so; `efficiency` or `layers` where it was made for that."""

    header: Header
    cells: tuple[Cell, ...]
    done: int
    failures: tuple[Failure, ...]
    files: tuple[Path, ...]
    efficiency: EfficiencyReport | None = None
    layers: LayersReport | None = None


def write_report(folder: Path, aim: Mapping[str, Any] | None = None) -> Report:
    """Write cells.csv, a model's tables, the figures and the page of the run in `folder`, which may be unfinished.

    `aim` replaces fields of the Aim that a run of `efficiency` was made with. Raises StoreError for a folder without
    a readable run, or one that cannot be written, SpecError for an aim where the run has none.
    """
    with Run.read(folder) as run:
        header, records, failures = run.header(), tuple(run.records()), tuple(run.failures())
    try:
        evidence = collect(records, header.spec, [failure.trial for failure in failures])
    except ValueError as error:
        raise StoreError(f"the run in {folder} is damaged: {error}") from error
    found = tuple(each.cell for each in evidence)
    efficiency = efficiency_of(header, records, failures, aim or {})
    layers = layers_of(header, records)
    try:
        tables = [folder / "cells.csv"]
        write_csv(tables[0], found, header.facts.rig)
        if efficiency is not None:
            tables.append(folder / "efficiency.csv")
            write_rows(tables[-1], [setting_row(row, efficiency) for row in efficiency.rows])
            if (study := best_study(efficiency, header)) is None:
                # That of another aim would pass for this one's.
                (folder / "best.toml").unlink(missing_ok=True)
            else:
                tables.append(folder / "best.toml")
                tables[-1].write_text(study, encoding="utf-8")
        if layers is not None:
            tables += [folder / "layers.csv", folder / "layer-groups.csv"]
            write_rows(tables[-2], [block_row(block, layers) for block in layers.blocks])
            write_rows(tables[-1], group_rows(layers))
        tables += write_provenance(folder, header)
        figures = write_figures(folder / "figures", header, found, records, efficiency, layers)
        # A page of verdicts on tasks is for a study of tasks.
        pages = () if header.purpose else (write_page(folder / "report.html", header, evidence, records, failures),)
    except OSError as error:
        raise StoreError(f"cannot write the report into {folder}: {error.strerror}") from error
    return Report(header, found, len(records), failures, (*tables, *figures, *pages), efficiency, layers)
