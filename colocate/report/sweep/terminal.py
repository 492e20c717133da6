"""The table of a sweep on a terminal: the cells that have a task, one a line."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from colocate.model.cell import SOLO, Interval
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import assumption_words, machine_words
from colocate.report.text.causes import cause_lines, cause_short
from colocate.report.text.designs import design_sentences
from colocate.report.text.labels import (
    beside_words,
    clocks_text,
    inferences_of,
    misses_words,
    network_words,
    tasks_of,
)
from colocate.report.text.numbers import NOT_SIGNIFICANT, counted, ms_text, ratio_texts
from colocate.report.text.tables import console, print_warnings, warning_numbers


def print_sweep(run: LoadedRun) -> None:
    """The cells that have a task, one a line, for a person; warnings as numbers that are explained below."""
    out = console()
    facts = run.header.facts
    title = f"{machine_words(facts)}, {facts.confinement}, {trials_words(run)}"
    table = Table(title=Text(title), title_justify="left")
    for name in ("network", "beside", "placement", "clocks"):
        table.add_column(name, no_wrap=True)
    timed = any(cell.miss_ratio is not None for cell in run.cells)
    explained = any(cell.extra_time is not None for cell in run.cells)
    names = ("p50 ms", *(["missed"] if timed else []), "slowdown p50", "slowdown p99")
    for name in (*names, *(["cause"] if explained else []), "work lost", "warnings"):
        table.add_column(name, justify="right", no_wrap=True)
    numbers = warning_numbers(run.cells)
    inferences, tasks = inferences_of(run.cells), tasks_of(run.cells)
    for cell in run.cells:
        if cell.task != SOLO:
            loss = cell.work_loss_ratio
            table.add_row(
                Text(network_words(cell.inference, inferences)),
                Text(beside_words(cell, tasks)),
                cell.placement,
                clocks_text(cell.clocks),
                "" if cell.p50_s is None else ms_text(cell.p50_s),
                *([misses_words(cell)] if timed else []),
                _interval_text(cell.slowdown_p50),
                _interval_text(cell.slowdown_p99),
                *([cause_short(cell.extra_time)] if explained else []),
                "" if loss is None else f"{100 * loss.value:.0f} %".replace("-0 %", "0 %"),
                " ".join(numbers[warning] for warning in cell.warnings),
            )
    out.print(table)
    out.print(
        "Slowdown is latency beside the task over latency alone, with its 95 % interval; "
        f"{NOT_SIGNIFICANT} = not significant.",
        highlight=False,
    )
    for sentence in (*cause_lines(run.cells), *design_sentences(run.header, run.cells, run.records)):
        out.print(Text(sentence))
    if words := assumption_words(run.header):
        out.print(f"A model, {words}: the size of every slowdown and work loss rests on it.", highlight=False)
    if facts.cpusets_missing is not None:
        out.print(Text(f"No cpusets here, CPUs were set apart by affinity alone: {facts.cpusets_missing.reason}"))
    print_warnings(out, numbers)


def trials_words(run: LoadedRun) -> str:
    """`75 of 75 trials`, or how many sequential stopping took."""
    if run.header.spec.until_decided:
        return f"{counted(len(run.records), 'trial')} until decided"
    return f"{len(run.records)} of {run.header.planned} trials"


def _interval_text(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if interval.lo is None or interval.hi is None:
        return f"{interval.value:.3f}"
    mark = "" if interval.excludes(1.0) else f"{NOT_SIGNIFICANT} "
    value, lo, hi = ratio_texts((interval.value, interval.lo, interval.hi), least=3)
    return f"{value} {mark}[{lo}, {hi}]"
