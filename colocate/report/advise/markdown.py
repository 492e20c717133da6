"""The advice on a run as a page of Markdown."""

from __future__ import annotations

from colocate.report.advise import containment
from colocate.report.advise.answer import answers, requirements, rule_words, untried_words
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.rows import (
    CHOICE_COLUMNS,
    COLUMNS,
    choice_rows,
    front_words,
    remaining_words,
    verdict_rows,
)
from colocate.report.advise.words import afterwards, summary
from colocate.report.text.tables import escaped, markdown_table


def advice_markdown(report: AdviceReport) -> str:
    """The advice as a page of Markdown."""
    lines = [f"## {escaped(summary(report))}", ""]
    for answer in answers(report):
        lines.append(f"- **{escaped(answer.network)}**: {escaped(answer.headline)}")
        lines += [f"  - {escaped(line)}" for line in answer.more]
    lines += [f"- {escaped(line)}" for line in (rule_words(report), untried_words(report)) if line]
    lines += [f"- **{escaped(line)}**" for line in requirements(report)]
    lines += ["", *markdown_table(list(COLUMNS), verdict_rows(report, remaining_words))]
    choices = list(choice_rows(report))
    if choices:
        lines += ["", escaped(front_words(report)), "", *markdown_table(list(CHOICE_COLUMNS), choices)]
    lines += _containment(report)
    for note in afterwards(report):
        lines += ["", escaped(note)]
    return "\n".join(lines)


def _containment(report: AdviceReport) -> list[str]:
    rows = list(containment.containment_rows(report))
    if not rows:
        return []
    lines = ["", escaped(containment.TITLE), "", *markdown_table(list(containment.COLUMNS), rows)]
    recipes = containment.recipes(report)
    for recipe in recipes:
        lines += ["", f"{escaped(recipe.title)}:"]
        for title, own in recipe.parts:
            lines += ["", f"{escaped(title)}:", "", "```", *own, "```"]
    return [*lines, "", escaped(containment.remarks_on(recipes))] if recipes else lines
