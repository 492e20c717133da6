"""A run's file in the hands of somebody who knows how it is made."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from colocate.store.checksum import chained
from colocate.store.database import FILE_NAME
from colocate.store.tables import SCHEMA_VERSION, TABLES, cells_of, creation


@contextlib.contextmanager
def edited(folder: Path) -> Iterator[sqlite3.Connection]:
    """Its database, whose checksums are right again afterwards."""
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        yield connection
        reseal(connection)
        connection.commit()


def reseal(connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
    ((text,),) = connection.execute("SELECT json FROM header")
    checksum = chained("", [text])
    connection.execute("UPDATE header SET checksum = ?", [checksum])
    names = list(cells_of(version))
    rows = connection.execute(f"SELECT {', '.join(names)} FROM trial ORDER BY position").fetchall()
    connection.execute("DELETE FROM trial")
    marks = ", ".join("?" * (len(names) + 2))
    for position, cells in enumerate(rows, 1):
        checksum = chained(checksum, [cell if isinstance(cell, (str, bytes)) else None for cell in cells])
        connection.execute(f"INSERT INTO trial VALUES ({marks})", [position, *cells, checksum])
    connection.execute("UPDATE seal SET trials = ?, checksum = ?", [len(rows), checksum])


def age(folder: Path, version: int) -> None:
    """Store it as a version of colocate did that had this schema; its JSON stays as it is."""
    with contextlib.closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        kept = TABLES[version]
        for table in () if kept == TABLES[SCHEMA_VERSION] else kept:
            columns = ", ".join(TABLES[version][table])
            connection.execute(f"ALTER TABLE {table} RENAME TO todays")
            connection.execute(creation(table, version))
            connection.execute(f"INSERT INTO {table} SELECT {columns} FROM todays")
            connection.execute("DROP TABLE todays")
        if "seal" in kept:
            reseal(connection, version)
        else:
            connection.execute("DROP TABLE seal")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
