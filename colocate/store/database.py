"""A run's file as a SQLite database that others may have made: opened, checked, and locked while it is written."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sqlite3
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from colocate.errors import SchemaError, SpecError, StoreError
from colocate.files import check_folder, keeper_of
from colocate.store.owner import copied, replaceable_by_others, writable_by_others
from colocate.store.tables import APPLICATION_ID, SCHEMA_VERSION, TABLES, creation

FILE_NAME = "run.sqlite"
# What SQLite puts beside a file, and what `Run.create` does.
_LOG, _JOURNAL = f"{FILE_NAME}-wal", f"{FILE_NAME}-journal"
_OWN_NAMES = (FILE_NAME, _LOG, f"{FILE_NAME}-shm", _JOURNAL, f"{FILE_NAME}.partial")
# The last bytes of a rollback journal that names another file, which SQLite then reads and removes
# (sqlite.org/fileformat.html#the_rollback_journal).
_NAMES_ANOTHER = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
_WAIT_S, _ATTEMPT_S = 10.0, 0.5
# A window of an hour with 10,000 inferences a second has cells of 100 MB.
_MOST_CELL_BYTES = 1 << 29
# Steps of SQLite's machine between two looks for a signal: some milliseconds.
_STEPS = 100_000
_DAMAGED = "use a copy of the run that is whole, or run the study again into another folder"
_NO_RIGHTS = "; look at the permissions of the file and its folder"
# What SQLite and the system say of a file -> what to do about it.
_FIXES = {
    "disk is full": "; free some space there",
    "No space left": "; free some space there",
    "not a database": f"; {_DAMAGED}",
    "malformed": f"; {_DAMAGED}",
    "unable to open": _NO_RIGHTS,
    "Permission denied": _NO_RIGHTS,
    "readonly database": "; make the file and its folder writable",
    "locked": "; another program has it open: end that, or wait for it",
    "disk I/O error": "; look for a limit on the size of files (ulimit -f), and for a failing disk (dmesg)",
}
_T = TypeVar("_T")


def holds_run(folder: Path) -> bool:
    """Whether `folder` has a run's file. Raises StoreError if the folder cannot be looked into."""
    with named_errors(folder):
        return (folder / FILE_NAME).exists()


@contextlib.contextmanager
def named_errors(folder: Path) -> Iterator[None]:
    """Turn errors of SQLite, of the file system and of damaged content into a StoreError that names the folder."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if str(error) == "interrupted":  # by a signal, which has been heard
            raise
        fix = next((fix for words, fix in _FIXES.items() if words in str(error)), "")
        raise StoreError(f"the run in {folder} cannot be used: {error}{fix}") from error
    # What an upgrade meets in damaged JSON, and limits that cannot be (SpecError).
    except (zlib.error, ValueError, KeyError, TypeError, AttributeError, ArithmeticError, SpecError) as error:
        words = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise StoreError(f"the run in {folder} is damaged: {words}; {_DAMAGED}") from error


@contextlib.contextmanager
def opened_to_read(folder: Path) -> Iterator[tuple[sqlite3.Connection, str]]:
    """Yield the run's database, and how others could have written it, in words: empty if they could not.

    If others could have written or replaced it, the database is a private copy.
    """
    _require_run(folder)
    if not others_of(folder) and not replaceable_by_others(folder / FILE_NAME):
        with connected(folder / FILE_NAME, "ro") as connection:
            _check(connection, folder)
            yield connection, ""
        return
    with copied(folder, (FILE_NAME, _LOG)) as (own, others), connected(own / FILE_NAME, "ro") as connection:
        _check(connection, folder)
        yield connection, others


@contextlib.contextmanager
def opened_to_write(folder: Path, *, trust: bool) -> Iterator[sqlite3.Connection]:
    """Yield the run's database for a writer. Raises what `refuse_untrusted` does."""
    _require_run(folder)
    refuse_untrusted(folder, trust=trust)
    with connected(folder / FILE_NAME, "rw") as connection:
        _refuse_older(_check(connection, folder), folder)
        # Writes are short, and a signal must not end one half-way.
        connection.set_progress_handler(None, 0)
        with _durable(connection):
            yield connection


def check_place(folder: Path, *, resume: bool, trust: bool) -> None:
    """Raise StoreError if no run can be created in `folder`, or with `resume`, if its run cannot be continued.

    Files made to find this out are removed.
    """
    check_folder(folder)
    with named_errors(folder):
        if folder.is_dir():
            _check_as_keeper(folder, resume=resume, trust=trust)


def can_be_resumed(folder: Path, *, trust: bool) -> bool:
    """Whether `folder` has a run that this version can continue, and that no other process is writing."""
    try:
        with named_errors(folder):
            _check_as_keeper(folder, resume=True, trust=trust)
    except StoreError:
        return False
    return True


def _check_as_keeper(folder: Path, *, resume: bool, trust: bool) -> None:
    keeper = keeper_of(folder)
    keeper.run(lambda: _check_own(folder, resume=resume, trust=trust or keeper.uid is not None))


def _check_own(folder: Path, *, resume: bool, trust: bool) -> None:
    with locked(folder):
        if resume:
            with opened_to_read(folder) as (connection, _):
                _refuse_older(_check(connection, folder), folder)
        else:
            refuse_second(folder)
        refuse_untrusted(folder, trust=trust)


def refuse_second(folder: Path) -> None:
    """Raise StoreError if the folder has a run already."""
    if holds_run(folder):
        raise StoreError(f"{folder} holds a run already; continue it with --resume or choose another --out")


def refuse_untrusted(folder: Path, *, trust: bool) -> None:
    """Raise StoreError if others could have written the folder and `trust` is false. Raises what `others_of` does."""
    if (others := others_of(folder)) and not trust:
        raise StoreError(untrusted(folder, others))


def untrusted(folder: Path, others: str) -> str:
    """The message that says why a folder is not used, and what to do."""
    return (
        f"{folder} {others}: no command in it is run and nothing is written there. Make it your own and `chmod go-w` "
        "it, choose another --out, or add --trust"
    )


@contextlib.contextmanager
def connected(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """Yield a connection that trusts nothing in the file; `mode` is that of a SQLite URI.

    Any thread may use it, but only one at a time.
    """
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    # SQLite waits for a lock without hearing signals.
    with contextlib.closing(
        sqlite3.connect(uri, uri=True, timeout=_ATTEMPT_S, check_same_thread=False)
    ) as connection:
        connection.set_progress_handler(lambda: 0, _STEPS)
        if sys.version_info >= (3, 11):
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_CELL_BYTES)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA mmap_size = 0")
        yield connection


def patiently(action: Callable[[], _T]) -> _T:
    """Return what `action` returns. It is called again, for up to 10 s, while another program locks the file."""
    until_s = time.monotonic() + _WAIT_S
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until_s:
                raise


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder itself, or raise StoreError if another writer has. The kernel drops the lock when its holder
    dies.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(f"another colocate is writing to {folder}; wait for it or choose another --out") from None
    else:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _durable(connection: sqlite3.Connection) -> Iterator[None]:
    """Use a write-ahead log while writing. With FULL, a commit survives power loss, and readers never block it.

    Afterwards the run is one plain file again, which can be read from a read-only medium.
    """
    patiently(lambda: connection.execute("PRAGMA journal_mode = WAL"))
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        # If a reader has it open, or the disk is full, the log stays beside the file, and nothing is lost.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = DELETE")


def size_of(connection: sqlite3.Connection) -> int:
    """Return how many bytes the database and its log have on the disk."""
    # As bytes: a folder's name need not be text.
    ((raw,),) = connection.execute("SELECT CAST(file AS BLOB) FROM pragma_database_list")
    name = os.fsdecode(raw)
    paths = (Path(name), Path(f"{name}-wal"))
    return sum(path.stat().st_size for path in paths if path.exists())


def others_of(folder: Path) -> str:
    """Return how others could have written a run's files, in words: empty if they could not.

    Raises StoreError if a link, pipe or device is in the place of such a file, which SQLite would follow or open, and
    for a rollback journal of another database.
    """
    present = [path for name in _OWN_NAMES if os.path.lexists(path := folder / name)]
    for path in present:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise StoreError(f"{path} is no regular file; remove it or choose another folder")
    if (journal := folder / _JOURNAL) in present:
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - len(_NAMES_ANOTHER)))
            if file.read() == _NAMES_ANOTHER:
                raise StoreError(f"{journal} names a file of another database; remove it")
    return next(filter(None, map(writable_by_others, (folder, *present))), "")


def _require_run(folder: Path) -> None:
    try:
        (folder / FILE_NAME).lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise no_run(folder) from None
    except OSError as error:
        raise StoreError(f"{folder} cannot be looked into: {error.strerror}") from error


def no_run(folder: Path) -> StoreError:
    """Return the error for a folder without a run, or for a file that was named instead of a folder."""
    if folder.is_file():
        return StoreError(f"{folder} is a file and holds no run; name the folder of a run")
    if not folder.exists():
        return StoreError(f"there is no folder {folder}; python -m colocate list shows the runs")
    return StoreError(f"{folder} holds no run: there is no {FILE_NAME}; python -m colocate list shows the runs")


def _check(connection: sqlite3.Connection, folder: Path) -> int:
    """Return the schema of the database. Raises StoreError unless it has exactly the tables of a known schema."""
    path = folder / FILE_NAME
    (application,) = patiently(functools.partial(connection.execute, "PRAGMA application_id")).fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreError(f"{path} is not a run of colocate; name the folder of one, or choose another")
    if version not in TABLES:
        raise SchemaError(
            f"{path} has schema {version}, this colocate reads schemas 1 to {SCHEMA_VERSION}; "
            f"use the version of colocate that made it"
        )
    wanted = {(table, creation(table, version)) for table in TABLES[version]}
    # The index of a primary key is SQLite's own and has no statement.
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL LIMIT ?", [len(wanted) + 1])
    found = {(name, _one_line(str(sql))) for name, sql in rows}
    if found != wanted:
        names = ", ".join(sorted({repr(name)[:40] for name, _ in found ^ wanted}))
        raise StoreError(f"{path} is damaged: its tables are not those of a run ({names}); {_DAMAGED}")
    return int(version)


def _refuse_older(version: int, folder: Path) -> None:
    if version != SCHEMA_VERSION:
        raise SchemaError(
            f"the run in {folder} was made by an earlier version of colocate: it can be read and reported on, "
            "not continued; choose another --out"
        )


def _one_line(statement: str) -> str:
    return " ".join(statement.split()).replace("( ", "(").replace(" )", ")")
