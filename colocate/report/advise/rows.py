"""Verdicts and choices as the rows of a table, for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from colocate.report.advise.load import AdviceReport
from colocate.report.advise.words import column_decimals, interval_words, judged_cells, limit_words
from colocate.report.text.labels import (
    beside_words,
    clocks_column,
    inferences_of,
    misses_words,
    network_words,
    tasks_of,
)
from colocate.report.text.numbers import counted, percent_text, ratio_text, shared_decimals, three_digits
from colocate.study.advice import Merit
from colocate.study.verdicts import Ruling, deciding

# Columns by name, and whether their text may be broken into lines.
COLUMNS = {
    "network": True,
    "beside": True,
    "placement": False,
    "CPU/GPU MHz": False,
    "verdict": False,
    "tightest limit": True,
    "estimate [interval]": False,
    "limit": False,
    "missed": False,
    "to decide it": True,
}
# Shown even if all rows are the same.
KEPT = ("beside", "verdict", "estimate [interval]", "to decide it")
CHOICE_COLUMNS = {
    "network": True,
    "placement": False,
    "CPU/GPU MHz": False,
    "task": True,
    "p50, ms": False,
    "p95, ms": False,
    "slowdown": False,
    "speed": False,
    "power": False,
    "speed/W": False,
    "": True,
}
KEPT_OF_CHOICES = ("task", "")
# Left out first where a terminal is too narrow.
SPARE = ("missed",)
SPARE_OF_CHOICES = ("p50, ms", "slowdown", "speed/W")


def front_words(report: AdviceReport) -> str:
    """What the table of choices shows, in sentences."""
    ranked = dict.fromkeys(choice.merit for choice in report.advice.recommended)
    costs = dict.fromkeys("power" if merit is Merit.WORK_PER_JOULE else "slowdown" for merit in ranked)
    return (
        "Trade-offs: each task's best choice (*), and the Pareto-optimal SAFE choices: no other choice beside "
        f"the same network, whatever the task, has as much speed at less {' or '.join(costs)}. Slowdown is that of "
        f"the {report.advice.limits.percentile}, speed is the share of full speed, and speed/W is that share per "
        "watt of the board."
    )


def verdict_rows(report: AdviceReport, remaining: Callable[[Ruling], str]) -> Iterable[tuple[str, ...]]:
    """Rows under `COLUMNS`, one per judged cell. `remaining` gives the text of the last column."""
    judged = judged_cells(report)
    among, tasks, decimals = inferences_of(judged), tasks_of(judged), column_decimals(report)
    for ruling in report.advice.rulings:
        cell, check = ruling.cell, deciding(ruling)
        yield (
            network_words(cell.inference, among),
            beside_words(cell, tasks),
            cell.placement,
            clocks_column(cell.clocks),
            ruling.verdict.value,
            check.quantity.words,
            interval_words(check.quantity, check.interval, decimals.get(check.quantity)),
            limit_words(check.quantity, check.limit),
            misses_words(cell),
            remaining(ruling),
        )


def choice_rows(report: AdviceReport) -> Iterable[tuple[str, ...]]:
    """Rows under `CHOICE_COLUMNS`: each network's Pareto-optimal choices, and each task's best choice, marked *."""
    judged = judged_cells(report)
    among, tasks = inferences_of(judged), tasks_of(judged)
    cells = [choice.cell for choice in report.advice.choices]
    ms = shared_decimals(1e3 * cell.p50_s for cell in cells if cell.p50_s is not None)
    watts = shared_decimals(cell.power_w for cell in cells if cell.power_w is not None)
    for choice in report.advice.choices:
        if choice.on_front or choice.best_of_task:
            cell = choice.cell
            yield (
                network_words(cell.inference, among),
                cell.placement,
                clocks_column(cell.clocks),
                beside_words(cell, tasks),
                "" if cell.p50_s is None else three_digits(1e3 * cell.p50_s, ms),
                "" if cell.p95_s is None else three_digits(1e3 * cell.p95_s, ms),
                "" if choice.slowdown is None else ratio_text(choice.slowdown, 3),
                "" if choice.work_share is None else percent_text(choice.work_share),
                "" if cell.power_w is None else f"{three_digits(cell.power_w, watts)} W",
                "" if choice.work_share_per_j is None else f"{three_digits(100 * choice.work_share_per_j)} %/W",
                "*" if choice.best_of_task else "",
            )


def remaining_words(ruling: Ruling) -> str:
    """About how many more repeats would decide an UNDECIDED cell, and why it is UNDECIDED."""
    more = "" if ruling.further_blocks is None else f"about {counted(ruling.further_blocks, 'more repeat')}"
    return "; ".join(filter(None, (more, ruling.reason)))
