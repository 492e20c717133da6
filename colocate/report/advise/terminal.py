"""Print the advice on a run on a terminal."""

from __future__ import annotations

import itertools
from collections import defaultdict

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from colocate.report.advise import containment
from colocate.report.advise.answer import answers, requirements, rule_words, untried_words
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.rows import (
    CHOICE_COLUMNS,
    COLUMNS,
    KEPT,
    KEPT_OF_CHOICES,
    SPARE,
    SPARE_OF_CHOICES,
    choice_rows,
    front_words,
    verdict_rows,
)
from colocate.report.advise.words import afterwards, summary
from colocate.report.text.numbers import counted
from colocate.report.text.tables import console, print_rows
from colocate.study.verdicts import Ruling, Verdict

VERDICT_STYLES = {Verdict.SAFE: "green", Verdict.UNSAFE: "red", Verdict.UNDECIDED: "yellow"}


def print_advice(report: AdviceReport) -> None:
    """Print tables of verdicts and choices, notes, and last the answer, where it stays in sight."""
    out = console()
    rulings = report.advice.rulings
    reasons = {reason: str(n) for n, reason in enumerate(dict.fromkeys(r.reason for r in rulings if r.reason), 1)}

    def numbered(ruling: Ruling) -> str:
        more = "" if ruling.further_blocks is None else f"+{counted(ruling.further_blocks, 'repeat')}"
        return " ".join(filter(None, (more, f"({reasons[ruling.reason]})" if ruling.reason else "")))

    # A table for each network and placement: neither takes a column, and limits stand in the summary.
    tables: defaultdict[str, list[tuple[Ruling, tuple[str, ...]]]] = defaultdict(list)
    for ruling, (network, beside, placement, *row, _, missed, remaining) in zip(
        rulings, verdict_rows(report, numbered), strict=True
    ):
        tables[f"{network}, {placement}"].append((ruling, (beside, *row, missed, remaining)))
    columns = {name: broken for name, broken in COLUMNS.items() if name not in ("network", "placement", "limit")}
    for heading, rows in tables.items():
        styles = [VERDICT_STYLES[ruling.verdict] for ruling, _ in rows]
        print_rows(out, f"{heading}.", columns, [row for _, row in rows], styles, KEPT, SPARE)
    for reason, number in reasons.items():
        out.print(Text(f"({number}) {reason}"))
    _print_choices(out, report)
    _print_containment(out, report)
    for note in afterwards(report):
        out.print(Text(note))
    out.print()
    print_answer(out, report)


def print_answer(out: Console, report: AdviceReport) -> None:
    """Print how many cells are SAFE under which limits, and what to choose for each network."""
    out.print(Text(summary(report), style="bold"))
    for answer in answers(report):
        out.print(Text.assemble((answer.network, "bold"), ": ", answer.headline))
        for line in answer.more:
            out.print(Padding(Text(line), (0, 0, 0, 2), expand=False))
    for line in filter(None, (rule_words(report), untried_words(report))):
        out.print(Text(line))
    for line in requirements(report):
        out.print(Text(line, style="bold"))


def _print_choices(out: Console, report: AdviceReport) -> None:
    found = list(choice_rows(report))
    if not found:
        return
    out.print(Text(front_words(report)))
    columns = {name: broken for name, broken in CHOICE_COLUMNS.items() if name != "network"}
    for network, choices in itertools.groupby(found, lambda row: row[0]):
        rows = [row for _, *row in choices]
        print_rows(out, f"{network}.", columns, rows, [""] * len(rows), KEPT_OF_CHOICES, SPARE_OF_CHOICES)


def _print_containment(out: Console, report: AdviceReport) -> None:
    rows = list(containment.containment_rows(report))
    if not rows:
        return
    styles = [VERDICT_STYLES[each.ruling.verdict] for each in report.contained]
    print_rows(out, containment.TITLE, containment.COLUMNS, rows, styles, containment.KEPT, containment.SPARE)
    recipes = containment.recipes(report)
    for recipe in recipes:
        out.print(Text(f"{recipe.title}:", style="bold"))
        for title, lines in recipe.parts:
            out.print(Text(f"  {title}:"))
            # Lines to copy are not broken.
            out.print(Text("\n".join(f"    {line}" for line in lines)), soft_wrap=True)
        out.print()
    if recipes:
        out.print(Text(containment.remarks_on(recipes)))
        out.print()
