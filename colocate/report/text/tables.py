"""Tables: on a terminal, as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from colocate.files import write_file
from colocate.model.cell import Interval
from colocate.model.quality import QualityFlag, in_order
from colocate.report.text.labels import plain
from colocate.report.text.numbers import listed
from colocate.report.text.visible import one_line, visible

# A file or a pipe has no width of its own: wide enough for every column.
_FILE_COLUMNS = 150

# A text that is one number, perhaps with its unit: a column of these is aligned by their decimals.
_NUMBER = re.compile(r"[-<> ]*\d[\d.]*( (%|W|s|ms|mJ))?")

# Names up to this length are on one line where columns can be left out instead.
_UNBROKEN = 26
# A longer word is broken where a terminal is narrow.
_LONG_WORD = 12

# What a field of a spreadsheet begins with that is computed.
_FORMULAS = ("=", "+", "-", "@")

Value = str | int | float | None


class Terminal(Console):
    """A console that prints control characters as escapes, so that no text can control the terminal.

    If nobody reads its output any more, it raises BrokenPipeError. `cli` then ends quietly with exit code 0.
    """

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of `renderable`, with control characters in text as escapes."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        """Raise again the BrokenPipeError that rich is handling when it calls this method. rich itself would exit
        with status 1.
        """
        raise


def interval_columns(name: str, interval: Interval | None) -> Mapping[str, Value]:
    """A quantity and the ends of its interval as three columns. All are None if the quantity is absent."""
    value, lo, hi = (interval.value, interval.lo, interval.hi) if interval else (None, None, None)
    return {name: value, f"{name}_lo": lo, f"{name}_hi": hi}


def write_rows(path: Path, rows: Sequence[Mapping[str, Value]], columns: Iterable[str] = ()) -> None:
    """Write a CSV file. Numbers have nine significant digits; an absent quantity is an empty field.

    `columns` are the column names; they are needed only if there may be no row. Raises StoreError or OSError if the
    file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0] if rows else columns)
    writer.writerows([_text(value) for value in row.values()] for row in rows)
    write_file(path, text.getvalue())


def _text(value: Value) -> str:
    if value is None:
        return ""
    return _cell(value) if isinstance(value, str) else f"{value:.9g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """Return `text` on one line. Text that a spreadsheet would compute as a formula gets an apostrophe in front,
    which the spreadsheet does not show.
    """
    text = one_line(text, None)
    return f"'{text}" if text.lstrip()[:1] in _FORMULAS and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def compact_table(
    columns: Mapping[str, bool], rows: Sequence[Sequence[str]], styles: Sequence[str], keep: Collection[str] = ()
) -> tuple[Table, str]:
    """Return `rows` as a table for a terminal of 80 characters, and a sentence on the columns that it leaves out
    because all rows have the same value.

    `columns` has for each name whether the column's text may be broken into lines. `styles` has one style for each
    row. Columns in `keep` are left out only if they are empty.
    """
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    texts = dict(zip(columns, zip(*rows, strict=True), strict=True))
    same = {
        name: values[0]
        for name, values in texts.items()
        if len(set(values)) == 1 and (not values[0] or (len(values) > 1 and name not in keep))
    }
    kept = {name: values for name, values in texts.items() if name not in same}
    before = ""
    for name, values in kept.items():
        longest = max(len(word) for text in (name, *values) for word in text.split(" "))
        right = all(not text or _NUMBER.fullmatch(text) for text in values)
        # Two broken headings side by side would be read across: `p50 work` over `ms lost`.
        indent = " " if right and " " in before and " " in name else ""
        heading = Text("\n".join(indent + word for word in name.split(" ")))
        broken, before = columns[name], name
        table.add_column(
            heading,
            justify="right" if right else "left",
            no_wrap=not broken,
            overflow="fold",
            min_width=min(longest, _LONG_WORD) if broken else None,
        )
    for row, style in zip(zip(*kept.values(), strict=True), styles, strict=True):
        table.add_row(*map(Text, row), style=style)
    words = [" = ".join(filter(None, (_in_words(name), value))) for name, value in same.items() if value]
    return table, f"In every row: {', '.join(words)}." if words else ""


def _in_words(column: str) -> str:
    """A column's name as a sentence has it: `clocks in MHz` for `clocks, MHz`."""
    return column.replace(", ", " in ")


def print_rows(
    out: Console,
    heading: str,
    columns: Mapping[str, bool],
    rows: Sequence[Sequence[str]],
    styles: Sequence[str],
    keep: Collection[str] = (),
    spare: Sequence[str] = (),
) -> Sequence[str]:
    """Print `heading` with the values that all rows share, and below it the table that `compact_table` makes of
    `rows`.

    If the output is too narrow to print names of usual length unbroken, columns in `spare` are left out, the first
    ones first, and named in the heading. Returns the names of the columns that are shown, those in the heading
    included.
    """
    left_out: list[str] = []
    while True:
        kept = [name for name in columns if name not in left_out]
        places = [list(columns).index(name) for name in kept]
        table, same = compact_table(
            {name: columns[name] for name in kept}, [[row[place] for place in places] for row in rows], styles, keep
        )
        shown = {" ".join(str(column.header).split()) for column in table.columns}
        further = next((name for name in spare if name in shown), None)
        if further is None or _needed_width(table, _UNBROKEN) <= out.width:
            break
        left_out.append(further)
    narrow = f"A wider terminal also shows {listed([_in_words(name) for name in left_out])}." if left_out else ""
    out.print(Text(" ".join(filter(None, (heading, same, narrow))), style="bold"))
    print_compact(out, table)
    out.print()
    return [name for name, place in zip(kept, places, strict=True) if any(row[place] for row in rows)]


def print_compact(out: Console, table: Table) -> None:
    """Print a table of `compact_table`. Lines that are too long are not cut, as that could change a number."""
    needed = _needed_width(table)
    table.width = needed if needed > out.width else None
    _narrow(table, out.width)
    out.print(table, crop=False)


def _narrow(table: Table, width: int) -> None:
    """Narrow the columns whose text may be broken until `table` fits into `width`, or no column can be narrower.

    The widest column is narrowed first, down to the length of a long word; then the columns from the last one on.
    rich itself would make columns narrower than their words, and the table too wide.
    """
    broken = [column for column in reversed(table.columns) if not column.no_wrap]
    widths = [_least_width(column, width) for column in broken]
    for _ in range(_needed_width(table, width) - width):
        wider = [at for at, column in enumerate(broken) if widths[at] > _least_width(column, 0)]
        if wider:
            widths[max(wider, key=lambda at: max(widths[at], _LONG_WORD))] -= 1
    for column, found in zip(broken, widths, strict=True):
        column.width = found


def _needed_width(table: Table, unbroken: int = 0) -> int:
    """The least width of `table` if no text of up to `unbroken` characters is broken."""
    return sum(_least_width(column, unbroken) for column in table.columns) + len(table.columns) - 1


def _least_width(column: Column, unbroken: int) -> int:
    """Return the least width of `column`. If its text may be broken, only texts of up to `unbroken` characters must
    fit.
    """
    longest = max(cell_len(line) for text in (column.header, *column.cells) for line in str(text).split("\n"))
    return longest if column.no_wrap else max(column.min_width or 1, min(longest, unbroken))


def console(*, stderr: bool = False) -> Console:
    """Return a console on standard output, or on standard error, as wide as the terminal.

    For a file or a pipe the environment variable COLUMNS gives the width; without it, there is room for any table.
    """
    found = Terminal(stderr=stderr)
    columns = os.environ.get("COLUMNS", "")
    wanted = int(columns) if re.fullmatch(r"[0-9]{1,5}", columns) else 0
    return found if found.is_terminal else Terminal(stderr=stderr, width=wanted or _FILE_COLUMNS)


def warning_numbers(warnings: Iterable[QualityFlag]) -> Mapping[QualityFlag, str]:
    """Return for each of the `warnings` its number in the notes below a table: `(1)`."""
    return {warning: f"({number})" for number, warning in enumerate(in_order({*warnings}), start=1)}


def print_warnings(out: Console, numbers: Mapping[QualityFlag, str]) -> None:
    """Print each warning after its number, with what to do about it."""
    for warning, number in numbers.items():
        out.print(f"{number} {warning.value}: {warning.remedy}", markup=False, highlight=False)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, with its texts escaped and without the columns that are empty in every
    row.
    """
    rows = list(rows)
    told = [column for column in range(len(header)) if not rows or any(row[column] for row in rows)]
    first, *others = (f"| {' | '.join(escaped(row[column]) for column in told)} |" for row in (header, *rows))
    return [first, f"|{' --- |' * len(told)}", *others]


def escaped(text: str) -> str:
    """Return `text` on one line, escaped so that Markdown shows exactly these characters in a line or a cell.

    No code, link, emphasis, HTML, formula or mention (as on GitHub) begins in it. CommonMark lets a backslash escape
    any ASCII punctuation.
    """
    return re.sub(r"([\\`*_{}\[\]<>#!|~&$@]|:(?=//))|(?<=www)(?=\.)", r"\\\1", plain(text), flags=re.IGNORECASE)
