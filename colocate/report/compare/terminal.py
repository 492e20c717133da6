"""Print a comparison on a terminal."""

from __future__ import annotations

from collections import defaultdict

from rich.text import Text

from colocate.report.compare.load import Compared
from colocate.report.compare.words import COLUMNS, KEPT, SPARE, change_rows, explanation, sentences, verdict_words
from colocate.report.text.tables import console, print_rows
from colocate.study.comparison import Change


def print_comparison(compared: Compared) -> None:
    """Print tables of significant changes, then notes, and the verdict last."""
    out = console()
    # A table for each network and placement, as of a sweep: neither takes a column.
    tables: defaultdict[str, list[tuple[Change, tuple[str, ...]]]] = defaultdict(list)
    for change, (network, beside, placement, *row) in change_rows(compared.comparison):
        tables[f"{network}, {placement}."].append((change, (beside, *row)))
    columns = {name: broken for name, broken in COLUMNS.items() if name not in ("network", "placement")}
    for heading, rows in tables.items():
        styles = ["red" if change.regressed else "green" for change, _ in rows]
        print_rows(out, heading, columns, [row for _, row in rows], styles, KEPT, SPARE)
    for sentence in sentences(compared):
        out.print(Text(sentence))
    out.print(Text(verdict_words(compared.comparison), style="bold"))
    for sentence in explanation(compared.comparison):
        out.print(Text(sentence, style="bold"))
