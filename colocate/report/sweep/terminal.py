"""A sweep on a terminal: a line for each cell with a task, and last the answer or the command that gives it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.quality import TOO_FEW_FOR
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.terminal import VERDICT_STYLES, print_answer
from colocate.report.advise.words import (
    FULL_SPEED,
    WORK_LOST,
    budget_words,
    column_decimals,
    interval_words,
    saving_words,
)
from colocate.report.fleet.shown import print_fleet
from colocate.report.run_report import LoadedRun
from colocate.report.sweep.load import SweepReport
from colocate.report.text.captions import contention_words, machine_words, model_words, planned_trials
from colocate.report.text.causes import cause_lines, cause_short
from colocate.report.text.commands import command_text
from colocate.report.text.designs import design_sentences
from colocate.report.text.labels import (
    beside_words,
    clocks_column,
    inferences_of,
    misses_words,
    network_words,
    tasks_of,
)
from colocate.report.text.numbers import (
    NOT_SIGNIFICANT,
    counted,
    percent_text,
    ratio_text,
    shared_decimals,
    three_digits,
)
from colocate.report.text.tables import console, print_rows, print_warnings, warning_numbers
from colocate.report.text.window_length import window_words
from colocate.study.verdicts import Verdict, deciding

# Shown however alike the rows are.
_KEPT = ("beside", "verdict", "estimate [interval]")


def print_sweep(report: SweepReport, run: LoadedRun) -> None:
    """Print a line for each cell with a task. Warnings are numbers that are explained below.

    With limits, lines have verdicts, and the end says what the limits allow. Without, the end shows how to get
    verdicts.
    """
    out = console()
    facts = run.header.facts
    confined = () if model_words(facts) else (f"CPU separation: {facts.confinement}",)
    out.print(Text("; ".join((machine_words(facts), *confined, trials_words(run)))))
    out.print()
    table = _Table(report.advice, _tail(run), run.cells)
    columns = {
        "beside": True, "CPU/GPU MHz": False, "verdict": False, "tightest limit": True,
        "estimate [interval]": False, "p50 ms": False, "missed": False, "slowdown p50": False,
        f"slowdown {table.tail}": False, "cause": False,
        "work lost": False, "note": False,
    }  # fmt: skip
    # Left out first where the terminal is too narrow: what decided stays.
    spare = ["cause", "missed", f"slowdown {table.tail}"]
    spare += ["p50 ms"] if report.advice is None else ["slowdown p50", "p50 ms", "work lost"]
    shown = set[str]()
    for heading, cells in _tables(run.cells).items():
        styles = [VERDICT_STYLES[table.rulings[cell].verdict] if cell in table.rulings else "" for cell in cells]
        shown |= {*print_rows(out, heading, columns, list(table.rows(cells)), styles, _KEPT, spare)}
    if any(name.startswith("slowdown") for name in shown):
        out.print(
            "Slowdown is latency beside the task over latency alone, with its 95 % interval; "
            f"{NOT_SIGNIFICANT} = not significant.",
            highlight=False,
        )
    for sentence in (*cause_lines(run.cells), *design_sentences(run.header, run.cells, run.records)):
        out.print(Text(sentence))
    if words := contention_words(run.header):
        out.print(Text(words))
    if report.advice is not None and report.advice.advice.choices:
        out.print(Text(FULL_SPEED))
    if "work lost" in shown:
        out.print(Text(WORK_LOST))
    if facts.cpusets_missing is not None:
        out.print(Text(f"No cpusets here, CPUs were set apart by affinity alone: {facts.cpusets_missing.reason}"))
    print_warnings(out, table.numbers)
    if words := window_words(run.header, run.cells, table.numbers):
        out.print(words, highlight=False)
    out.print()
    if report.fleet is not None:
        print_fleet(out, report.fleet, run)
    _print_end(report.advice, run)


def _print_end(advice: AdviceReport | None, run: LoadedRun) -> None:
    """Print what is safe, or without limits the command that says so."""
    out = console()
    command = ["python", "-m", "colocate", "advise", str(run.folder), *run.changes.flags()]
    if advice is None:
        out.print(Text("Which tasks are safe? Give limits, as in this example:"))
        out.print(Text(command_text([*command, "--max-slowdown", "1.1"], out.width)), soft_wrap=True)
        return
    for words in filter(None, (budget_words(advice), saving_words(advice))):
        out.print(Text(words))
    undecided = ", what would decide the UNDECIDED cells," if advice.count(Verdict.UNDECIDED) else ""
    out.print(Text(f"The trade-offs{undecided} and verdicts under other limits:"))
    out.print(Text(command_text(command, out.width)), soft_wrap=True)
    out.print()
    print_answer(out, advice)


def trials_words(run: LoadedRun) -> str:
    """Return how many trials are done, `75 of 75 trials, one window each`, or how many sequential stopping took."""
    if run.header.spec.until_decided:
        return f"{counted(len(run.records), 'trial')} until decided"
    return f"{len(run.records)} of {planned_trials(run.header, run.records)} trials, one window each"


def _tail(run: LoadedRun) -> str:
    """The percentile to show beside the median: that of the limits, else p99."""
    limits = run.limits
    return limits.percentile if limits is not None and limits.percentile in ("p95", "p99") else "p99"


def _tables(cells: Sequence[Cell]) -> Mapping[str, Sequence[Cell]]:
    """The cells with a task, grouped by network and placement. The heading of each table names both."""
    inferences, tables = inferences_of(cells), defaultdict(list)
    for cell in cells:
        if cell.task != SOLO:
            tables[f"{network_words(cell.inference, inferences)}, {cell.placement}."].append(cell)
    return tables


class _Table:
    """The rows of all tables. `tail` is the percentile beside the median; `numbers` has the number of each
    warning.
    """

    def __init__(self, advice: AdviceReport | None, tail: str, cells: Sequence[Cell]) -> None:
        self.tail = tail
        self.rulings = {} if advice is None else {ruling.cell: ruling for ruling in advice.advice.rulings}
        self._decimals = {} if advice is None else column_decimals(advice)
        self._tasks = tasks_of(cells)
        statistic = None if advice is None else advice.advice.limits.percentile
        unasked = {flag for name, flag in TOO_FEW_FOR.items() if name not in (tail, statistic)}
        self._warnings = {cell: [w for w in cell.warnings if w not in unasked] for cell in cells}
        self.numbers = warning_numbers(itertools.chain(*self._warnings.values()))

    def rows(self, cells: Sequence[Cell]) -> Iterator[tuple[str, ...]]:
        """Yield a row for each of `cells`."""
        decimals = shared_decimals(1e3 * cell.p50_s for cell in cells if cell.p50_s is not None)
        for cell in cells:
            yield (
                beside_words(cell, self._tasks),
                clocks_column(cell.clocks),
                *self._verdict(cell),
                "" if cell.p50_s is None else three_digits(1e3 * cell.p50_s, decimals),
                misses_words(cell),
                _interval_text(cell.slowdown_p50),
                _interval_text(cell.slowdown(self.tail)),
                cause_short(cell.extra_time),
                "" if cell.work_loss_ratio is None else percent_text(cell.work_loss_ratio.value),
                " ".join(self.numbers[warning] for warning in self._warnings[cell]),
            )

    def _verdict(self, cell: Cell) -> tuple[str, str, str]:
        """Return the verdict, the quantity that decided it, and the value of that quantity; all empty if nothing was
        judged.
        """
        ruling = self.rulings.get(cell)
        if ruling is None:
            return "", "", ""
        check = deciding(ruling)
        value = interval_words(check.quantity, check.interval, self._decimals.get(check.quantity))
        return ruling.verdict.value, check.quantity.words, value


def _interval_text(interval: Interval | None) -> str:
    """Return a slowdown with its interval, `1.130 [1.090, 1.170]`, and a mark if it is not significant. All slowdowns
    below ten have the same decimals.
    """
    if interval is None:
        return ""
    if interval.lo is None or interval.hi is None:
        return ratio_text(interval.value, 3)
    decimals = 3 if interval.value < 10 else 1
    value, lo, hi = (ratio_text(number, decimals) for number in (interval.value, interval.lo, interval.hi))
    return f"{value} [{lo}, {hi}]" + ("" if interval.excludes(1.0) else f" {NOT_SIGNIFICANT}")
