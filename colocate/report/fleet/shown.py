"""Show the boards of a run on a terminal, in Markdown and in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.text import Text

from colocate.files import remove_file
from colocate.report.fleet.load import FleetReport
from colocate.report.fleet.rows import (
    BOARD_COLUMNS,
    PROMISE_COLUMNS,
    board_rows,
    boards_file_rows,
    promise_rows,
    promises_file_rows,
)
from colocate.report.fleet.words import fleet_lines
from colocate.report.run_report import LoadedRun
from colocate.report.text.tables import escaped, markdown_table, print_rows, write_rows

_TABLE = "boards.csv"
_PROMISES = "boards-like-these.csv"


def print_fleet(out: Console, report: FleetReport, run: LoadedRun) -> None:
    """Print how the boards compare, and what is expected of other boards like them."""
    limits = run.limits
    if rows := list(board_rows(report)):
        print_rows(out, "Boards.", BOARD_COLUMNS, rows, [""] * len(rows), keep=("board",))
    if limits is not None and (rows := list(promise_rows(report, limits))):
        spare = ("inside", "between boards", "quantity", "placement")
        print_rows(
            out, "On boards like these.", PROMISE_COLUMNS, rows, [""] * len(rows), ("beside", "SAFE on 95 %"), spare
        )
    for line in _lines(report, run):
        out.print(Text(line))
    out.print()


def fleet_markdown(report: FleetReport, run: LoadedRun) -> list[str]:
    """What `print_fleet` prints, as lines of a Markdown page."""
    limits = run.limits
    lines = ["## Boards", ""]
    if rows := list(board_rows(report)):
        lines += [*markdown_table(list(BOARD_COLUMNS), rows), ""]
    if limits is not None and (rows := list(promise_rows(report, limits))):
        lines += [*markdown_table(list(PROMISE_COLUMNS), rows), ""]
    return [*lines, *(f"- {escaped(line)}" for line in _lines(report, run)), ""]


def _lines(report: FleetReport, run: LoadedRun) -> list[str]:
    return fleet_lines(report, None if run.limits is None else run.limits.confidence)


def write_fleet(report: FleetReport | None, run: LoadedRun) -> Iterator[Path]:
    """Write boards.csv and boards-like-these.csv, or remove what an earlier report left of them. Raises OSError."""
    table, promised = run.folder / _TABLE, run.folder / _PROMISES
    rig, limits = run.header.facts.rig, run.limits
    if report is None:
        remove_file(table)
    else:
        write_rows(table, boards_file_rows(report, rig))
        yield table
    if report is None or limits is None or not report.promises:
        remove_file(promised)
    else:
        write_rows(promised, promises_file_rows(report.promises, limits, rig))
        yield promised
