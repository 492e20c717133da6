"""A comparison as a page of Markdown."""

from __future__ import annotations

from colocate.report.compare.load import Compared
from colocate.report.compare.words import COLUMNS, change_rows, explanation, sentences, verdict_words
from colocate.report.text.tables import escaped, markdown_table


def comparison_markdown(compared: Compared) -> str:
    """A comparison as a page of Markdown."""
    rows = [row for _, row in change_rows(compared.comparison)]
    lines = [f"## {escaped(verdict_words(compared.comparison))}", ""]
    lines += [f"{escaped(sentence)}\n" for sentence in explanation(compared.comparison)]
    lines += [*markdown_table(list(COLUMNS), rows), ""] if rows else []
    return "\n".join([*lines, *(f"- {escaped(sentence)}" for sentence in sentences(compared))])
