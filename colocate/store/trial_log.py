"""The rows of a run's file: its trials as cells, in the order in which they ended. Reading checks each row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping

from colocate.store.checksum import Cell, chained
from colocate.store.tables import SCHEMA_VERSION, TABLES, cells_of

Cells = Mapping[str, Cell]


def begin(connection: sqlite3.Connection, header: str) -> None:
    """Store the header of a new run, which has no trial yet."""
    checksum = chained("", [header])
    connection.execute("INSERT INTO header VALUES (?, ?)", [header, checksum])
    connection.execute("INSERT INTO seal VALUES (0, ?)", [checksum])


def append(connection: sqlite3.Connection, row: Cells) -> None:
    """Store a trial, in the transaction that is open or else in a new one."""
    trials, checksum = _seal(connection)
    cells = [row.get(name) for name in cells_of(SCHEMA_VERSION)]
    checksum = chained(checksum, cells)
    marks = ", ".join("?" * len(TABLES[SCHEMA_VERSION]["trial"]))
    connection.execute(f"INSERT INTO trial VALUES ({marks})", [trials + 1, *cells, checksum])
    connection.execute("UPDATE seal SET trials = ?, checksum = ?", [trials + 1, checksum])


def header_of(connection: sqlite3.Connection, version: int) -> str:
    """Return the header's text. Raises ValueError if it is not as it was stored."""
    columns = ", ".join(TABLES[version]["header"])
    rows = connection.execute(f"SELECT {columns} FROM header LIMIT 2").fetchall()
    if len(rows) != 1:
        raise ValueError(f"its header has {len(rows) or 'no'} rows")
    text, *checksums = rows[0]
    if not isinstance(text, str):
        raise ValueError("its header is no text")
    if checksums and checksums != [chained("", [text])]:
        raise ValueError("the checksum of its header is wrong")
    return text


def rows_of(
    connection: sqlite3.Connection, version: int, size: Callable[[], int], *, by_board: bool = False
) -> Iterator[Cells]:
    """Yield the cells of every row. A trial that failed may have further rows; the last one counts.

    With `by_board`, this holds for each board by itself. Raises ValueError for a row that is not as it was stored,
    and if the rows hold more bytes than the `size` of the file: a crafted file can give the same page many times.
    """
    kinds = cells_of(version)
    checked = "seal" in TABLES[version]
    trials, seal = _seal(connection) if checked else (-1, "")
    checksum = chained("", [header_of(connection, version)]) if checked else ""
    columns = ", ".join(["rowid", *kinds, *(["checksum"] if checked else [])])
    last, left_bytes = 0, size()
    finished: set[tuple[Cell, Cell]] = set()
    # Without a condition, and in the table's own order, SQLite returns after each row, and a signal is handled.
    for row in connection.execute(f"SELECT {columns} FROM trial ORDER BY rowid LIMIT {trials}"):
        position, cells = row[0], dict(zip(kinds, row[1:], strict=False))
        if position <= last or (checked and position != last + 1):
            raise ValueError(f"row {position} follows row {last}")
        last = position
        for at, (name, cell) in enumerate(cells.items()):
            if not isinstance(cell, kinds[name]) and (at < _ALWAYS or cell is not None):
                raise ValueError(f"{name} of row {position} is not {'text' if kinds[name] is str else 'bytes'}")
        if checked and (checksum := chained(checksum, cells.values())) != row[-1]:
            raise ValueError(f"the checksum of row {position} is wrong")
        if (key := key_of(cells, by_board=by_board)) in finished:
            raise ValueError(f"row {position} is of a trial that has its numbers already")
        if cells["failure"] is None:
            finished.add(key)
        left_bytes -= sum(len(cell) for cell in cells.values() if cell is not None)
        if left_bytes < 0:
            raise ValueError("its rows hold more than its file")
        yield cells
    if checked and (last, checksum) != (trials, seal):
        raise ValueError(f"it has {last} of {trials} rows, or the checksum of them all is wrong")


def key_of(cells: Cells, *, by_board: bool) -> tuple[Cell, Cell]:
    """Return what may have numbers only once: a trial, or with `by_board` a trial on one board."""
    return cells["trial_id"], cells.get("board") if by_board else None


# How many of the first cells are never NULL: the trial's id, and the trial.
_ALWAYS = 2


def _seal(connection: sqlite3.Connection) -> tuple[int, str]:
    """Return the number of rows, and the checksum of the last, which covers all. Raises ValueError if damaged."""
    rows = connection.execute("SELECT trials, checksum FROM seal LIMIT 2").fetchall()
    if len(rows) != 1 or not isinstance(rows[0][0], int) or not isinstance(rows[0][1], str):
        raise ValueError("the count of its rows is damaged")
    trials, checksum = rows[0]
    return trials, checksum
