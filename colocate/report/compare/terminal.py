"""A comparison on a terminal."""

from __future__ import annotations

from rich.text import Text

from colocate.report.compare.load import Compared
from colocate.report.compare.words import COLUMNS, change_rows, explanation, sentences, verdict_words
from colocate.report.text.tables import compact_table, console, print_compact


def print_comparison(compared: Compared) -> None:
    """For a person at a terminal."""
    out = console()
    rows = list(change_rows(compared.comparison))
    if rows:
        styles = ["red" if change.regressed else "green" for change, _ in rows]
        table, same = compact_table(COLUMNS, [row for _, row in rows], styles)
        print_compact(out, table)
        out.print(Text(same))
    for sentence in sentences(compared):
        out.print(Text(sentence))
    out.print(Text(verdict_words(compared.comparison), style="bold"))
    for sentence in explanation(compared.comparison):
        out.print(Text(sentence, style="bold"))
