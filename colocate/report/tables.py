"""Cells as rows: cells.csv after interface.md, and the table on a terminal."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.table import Table
from rich.text import Text

from colocate.report.labels import assumption_words, clocks_label, inference_label, inferences_of, machine_words
from colocate.study.interference import SOLO
from colocate.study.model import Cell, ClockPoint, Doubt, Inference, Interval, Trial

if TYPE_CHECKING:
    from colocate.doctor import Finding
    from colocate.report.write import Report

# A file or a pipe has no width: wide enough for every column.
_FILE_COLUMNS = 150

# For the names of the columns.
_NO_CELL = Cell(Inference(""), "", "", ClockPoint(), 0, 0)

Value = str | int | float | None


class _Doubted(Protocol):
    @property
    def doubts(self) -> tuple[Doubt, ...]: ...


def cell_row(cell: Cell, rig: str) -> Mapping[str, Value]:
    """One cell of a run on `rig` under the column names of interface.md; absent is None."""
    return {
        "network": cell.inference.network,
        "stressor": cell.stressor,
        "placement": cell.placement,
        "backend": cell.inference.backend,
        "precision": cell.inference.precision,
        "batch": cell.inference.batch,
        "cpu_hz": cell.clocks.cpu_hz,
        "gpu_hz": cell.clocks.gpu_hz,
        "emc_hz": cell.emc_hz,
        "n": cell.n,
        "blocks": cell.blocks,
        "p50_s": cell.p50_s,
        "p95_s": cell.p95_s,
        "p99_s": cell.p99_s,
        **interval_columns("slowdown_p50", cell.slowdown_p50),
        **interval_columns("slowdown_p99", cell.slowdown_p99),
        "power_w": cell.power_w,
        "power_gpu_w": cell.power_gpu_w,
        "power_cpu_w": cell.power_cpu_w,
        "energy_per_inference_j": cell.energy_per_inference_j,
        "idle_power_w": cell.idle_power_w,
        "work_per_s": cell.work_per_s,
        "work_loss_ratio": cell.work_loss_ratio,
        "temperature_c": cell.temperature_c,
        "doubts": ";".join(doubt.value for doubt in cell.doubts),
        "graph": int(cell.inference.graph),
        "wait": cell.inference.wait,
        "period_s": cell.inference.period_s,
        "miss_ratio": cell.miss_ratio,
        "longest_miss_run": cell.longest_miss_run,
        # A row that is copied elsewhere still says whether it was measured.
        "rig": rig,
        **interval_columns("slowdown_mean", cell.slowdown_mean),
    }


def interval_columns(name: str, interval: Interval | None) -> Mapping[str, Value]:
    """A quantity and the ends of its interval, as three columns."""
    value, lo, hi = (interval.value, interval.lo, interval.hi) if interval else (None, None, None)
    return {name: value, f"{name}_lo": lo, f"{name}_hi": hi}


def write_csv(path: Path, cells: Iterable[Cell], rig: str) -> None:
    """Write cells.csv of a run on `rig`."""
    write_rows(path, [cell_row(cell, rig) for cell in cells], columns=cell_row(_NO_CELL, rig))


def write_rows(path: Path, rows: Sequence[Mapping[str, Value]], columns: Iterable[str] = ()) -> None:
    """Write a CSV file; nine significant digits, an empty field where a quantity is absent.

    `columns` are needed only where there may be no row.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows[0] if rows else columns)
        writer.writerows([_text(value) for value in row.values()] for row in rows)


def _text(value: Value) -> str:
    if value is None:
        return ""
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def minutes(seconds: float) -> str:
    """`90 s`, or from two minutes on `18 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def compact_table(
    columns: Mapping[str, bool], rows: Sequence[Sequence[str]], styles: Sequence[str], keep: Collection[str] = ()
) -> tuple[Table, str]:
    """`rows` for a terminal of 80 columns, and in words what those columns say that are left out as all rows agree.

    `columns` tells of each by its name whether its text may be broken into lines, as names may. `styles` has one for
    each row; columns in `keep` stay unless they are empty.
    """
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    said = dict(zip(columns, zip(*rows, strict=True), strict=True))
    same = {
        name: values[0]
        for name, values in said.items()
        if len(set(values)) == 1 and (not values[0] or (len(values) > 1 and name not in keep))
    }
    kept = {name: values for name, values in said.items() if name not in same}
    for name, values in kept.items():
        longest = max(len(word) for text in (name, *values) for word in text.split(" "))
        heading = Text(name.replace(" ", "\n"))
        broken = columns[name]
        table.add_column(heading, no_wrap=not broken, overflow="fold", min_width=min(longest, 12) if broken else None)
    for row, style in zip(zip(*kept.values(), strict=True), styles, strict=True):
        table.add_row(*map(Text, row), style=style)
    words = "; ".join(f"{name or 'all'}: {value}" for name, value in same.items() if value)
    return table, words and f"In every row {words}."


def trial_row(trial: Trial) -> Mapping[str, Value]:
    """One planned trial, for `--dry-run`."""
    return {
        "round": trial.round,
        "block": trial.block,
        "network": trial.inference.network if trial.inference else None,
        "stressor": trial.stressor.name if trial.stressor else None,
        "placement": trial.placement.name,
        "cpu_hz": trial.clocks.cpu_hz,
        "gpu_hz": trial.clocks.gpu_hz,
        "trial_id": trial.trial_id,
    }


def print_table(report: Report) -> None:
    """The cells that have a stressor, one a line, for a person; doubts as numbers that are explained below."""
    out = console()
    facts = report.header.facts
    title = f"{machine_words(facts)}, {facts.confinement}, {_trials_words(report)}"
    table = Table(title=Text(title), title_justify="left")
    for name in ("network", "beside", "placement", "clocks"):
        table.add_column(name, no_wrap=True)
    timed = any(cell.miss_ratio is not None for cell in report.cells)
    for name in ("p50 ms", *(["missed"] if timed else []), "slowdown p50", "slowdown p99", "work lost", "doubts"):
        table.add_column(name, justify="right", no_wrap=True)
    numbers = doubt_numbers(report.cells)
    inferences = inferences_of(report.cells)
    for cell in report.cells:
        if cell.stressor != SOLO:
            table.add_row(
                Text(" ".join(filter(None, inference_label(cell.inference, inferences)))),
                Text(cell.stressor),
                cell.placement,
                clocks_label(cell),
                "" if cell.p50_s is None else f"{1e3 * cell.p50_s:.3g}",
                *([misses_words(cell)] if timed else []),
                _interval_text(cell.slowdown_p50),
                _interval_text(cell.slowdown_p99),
                "" if cell.work_loss_ratio is None else f"{100 * cell.work_loss_ratio:.0f} %".replace("-0 %", "0 %"),
                " ".join(numbers[doubt] for doubt in cell.doubts),
            )
    out.print(table)
    out.print("Slowdown is co-located over solo with its 95 % interval; ~ = not told from 1.", highlight=False)
    if words := assumption_words(report.header):
        out.print(f"A model, {words}: the size of every slowdown and work loss rests on it.", highlight=False)
    if facts.confinement == "affinity":
        out.print(Text(f"No cpusets here, CPUs were set apart by affinity alone: {facts.confinement_note}"))
    for doubt, number in numbers.items():
        out.print(f"{number}  {doubt.value}: {doubt.remedy}", highlight=False, soft_wrap=True)


def misses_words(cell: Cell) -> str:
    """`0.25 %, 3 running`: the share of missed deadlines and the longest run of them."""
    if cell.miss_ratio is None:
        return ""
    running = f", {cell.longest_miss_run} running" if cell.longest_miss_run else ""
    return f"{100 * cell.miss_ratio:.3g} %{running}"


def _trials_words(report: Report) -> str:
    if report.header.spec.until_decided:
        return f"{report.done} trials until decided"
    return f"{report.done} of {report.header.planned} trials"


def print_findings(findings: Iterable[Finding]) -> None:
    """What `doctor` found, an area a block; lacks stand out by their remedy."""
    table = Table()
    for name in ("area", "what", "state", "to mend it"):
        table.add_column(name, overflow="fold")
    area = None
    for finding in findings:
        if area not in (None, finding.area):
            table.add_section()
        table.add_row(
            "" if finding.area == area else finding.area,
            Text(finding.name),
            Text(finding.state),
            Text(finding.remedy, style="yellow"),
        )
        area = finding.area
    console().print(table)


def console() -> Console:
    """Standard output, wide enough for every column where it is a file or a pipe."""
    found = Console()
    return found if found.is_terminal else Console(width=_FILE_COLUMNS)


def doubt_numbers(rows: Iterable[_Doubted]) -> Mapping[Doubt, str]:
    """A number for each doubt that any row has."""
    met = {doubt for row in rows for doubt in row.doubts}
    return {doubt: str(number) for number, doubt in enumerate((d for d in Doubt if d in met), start=1)}


def _interval_text(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if interval.lo is None or interval.hi is None:
        return f"{interval.value:.3f}"
    mark = " " if interval.excludes(1.0) else "~"
    return f"{mark}{interval.value:.3f} [{interval.lo:.3f}, {interval.hi:.3f}]"
