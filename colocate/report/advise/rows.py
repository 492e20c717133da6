"""Verdicts and choices as the rows of a table, for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from colocate.report.advise.load import AdviceReport
from colocate.report.advise.words import interval_words, judged_cells, value_words
from colocate.report.text.labels import (
    beside_words,
    clocks_column,
    inferences_of,
    misses_words,
    network_words,
    tasks_of,
)
from colocate.report.text.numbers import counted, ms_text
from colocate.study.verdicts import Ruling, deciding

# Columns by name, and whether their text may be broken into lines.
COLUMNS = {
    "network": True,
    "beside": True,
    "placement": False,
    "clocks, MHz": False,
    "verdict": False,
    "decided by": True,
    "estimate [interval]": False,
    "limit": False,
    "missed": False,
    "to decide it": True,
}
# Shown however alike the rows are.
KEPT = ("beside", "verdict", "estimate [interval]", "to decide it")
CHOICE_COLUMNS = {
    "network": True,
    "placement": False,
    "clocks, MHz": False,
    "task": True,
    "p50, ms": False,
    "p95, ms": False,
    "slowdown": False,
    "work done": False,
    "power": False,
    "work per kJ": False,
    "": True,
}
KEPT_OF_CHOICES = ("task", "")
RECOMMENDED = "recommended"
FRONT = (
    "Pareto front: no other choice of the network does as much work for as little power (or slowdown). Work is the "
    "share of the task's best solo work, and work per kJ the seconds of it that are done per kilojoule"
)


def verdict_rows(report: AdviceReport, remaining: Callable[[Ruling], str]) -> Iterable[tuple[str, ...]]:
    """A row per judged cell under `COLUMNS`; `remaining` says what would decide an undecided one."""
    judged = judged_cells(report)
    among, tasks = inferences_of(judged), tasks_of(judged)
    for ruling in report.advice.rulings:
        cell, check = ruling.cell, deciding(ruling)
        yield (
            network_words(cell.inference, among),
            beside_words(cell, tasks),
            cell.placement,
            clocks_column(cell.clocks),
            ruling.verdict.value,
            check.quantity.words,
            interval_words(check.quantity, check.interval),
            value_words(check.quantity, check.limit),
            misses_words(cell),
            remaining(ruling),
        )


def choice_rows(report: AdviceReport) -> Iterable[tuple[str, ...]]:
    """The Pareto front of each network, and what is recommended."""
    judged = judged_cells(report)
    among, tasks = inferences_of(judged), tasks_of(judged)
    for choice in report.advice.choices:
        if choice.on_front or choice.recommended:
            aside = "" if choice.on_front else ", off the front"
            cell = choice.cell
            yield (
                network_words(cell.inference, among),
                cell.placement,
                clocks_column(cell.clocks),
                beside_words(cell, tasks),
                "" if cell.p50_s is None else ms_text(cell.p50_s),
                "" if cell.p95_s is None else ms_text(cell.p95_s),
                "" if choice.slowdown is None else f"{choice.slowdown:.3f}",
                "" if choice.work_share is None else f"{100 * choice.work_share:.0f} %",
                "" if cell.power_w is None else f"{cell.power_w:.3g} W",
                "" if choice.work_share_per_j is None else f"{1e3 * choice.work_share_per_j:.3g} s",
                f"{RECOMMENDED}{aside}" if choice.recommended else "",
            )


def remaining_words(ruling: Ruling) -> str:
    """What would decide an undecided cell."""
    more = "" if ruling.further_blocks is None else f"about {counted(ruling.further_blocks, 'more block')}"
    return "; ".join(filter(None, (more, ruling.reason)))
