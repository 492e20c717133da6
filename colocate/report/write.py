"""A run -> its report. Everything written here can be rebuilt from `run.sqlite`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from colocate.errors import StoreError
from colocate.report.figures import write_figures
from colocate.report.page.render import write_page
from colocate.report.tables import write_csv
from colocate.report.validation import write_provenance
from colocate.store import Failure, Header, Run
from colocate.study.evidence import collect
from colocate.study.model import Cell


@dataclass(frozen=True, slots=True)
class Report:
    """What a run shows so far, and the files that say so."""

    header: Header
    cells: tuple[Cell, ...]
    done: int
    failures: tuple[Failure, ...]
    files: tuple[Path, ...]


def write_report(folder: Path) -> Report:
    """Write cells.csv, a model's tables, the figures and the page of the run in `folder`, which may be unfinished.

    Raises StoreError for a folder without a readable run, or one that cannot be written.
    """
    with Run.read(folder) as run:
        header, records, failures = run.header(), tuple(run.records()), tuple(run.failures())
    try:
        evidence = collect(records, header.spec, [failure.trial for failure in failures])
    except ValueError as error:
        raise StoreError(f"the run in {folder} is damaged: {error}") from error
    found = tuple(each.cell for each in evidence)
    try:
        csv = folder / "cells.csv"
        write_csv(csv, found, header.facts.rig)
        tables = write_provenance(folder, header)
        figures = write_figures(folder / "figures", header, found, records)
        page = write_page(folder / "report.html", header, evidence, records, failures)
    except OSError as error:
        raise StoreError(f"cannot write the report into {folder}: {error.strerror}") from error
    return Report(header, found, len(records), failures, (csv, *tables, *figures, page))
