"""What to do if the folder of a run was moved, deleted or replaced while the run was written."""

from __future__ import annotations

import itertools
import os
import shlex
import sqlite3
from pathlib import Path

from colocate.errors import RunMovedError, StoreError
from colocate.files import FILE_MODE, keeper_of, make_folder
from colocate.store.database import FILE_NAME, connected
from colocate.store.held_file import HeldFile


def refuse_moved(folder: Path, file: HeldFile, connection: sqlite3.Connection) -> None:
    """Raise RunMovedError, which says where the trials are, unless the run's `file` is still in its `folder`.

    A run that was deleted is first saved from what SQLite still has open.
    """
    if file.is_there():
        return
    now = file.now_at()
    if now is not None:
        at = now.parent if now.name == FILE_NAME else now
        raise RunMovedError(f"{folder} was moved or replaced while its sweep ran: {_go_on(at)}")
    try:
        saved = _saved(folder, connection)
    except (OSError, sqlite3.Error, StoreError) as error:
        raise RunMovedError(f"{folder} was deleted while its sweep ran, and cannot be saved: {error}") from error
    raise RunMovedError(f"{folder} was deleted while its sweep ran: {_go_on(saved)}")


def _go_on(at: Path) -> str:
    return f"the finished trials are in {at}; continue with --resume --out {shlex.quote(str(at))}"


def _saved(folder: Path, connection: sqlite3.Connection) -> Path:
    """Save what SQLite still has open as a run in a new folder, and return the folder: the old name if it is free."""
    saved = _free_name(folder.absolute())
    make_folder(saved)

    def copy() -> None:
        partial = saved / f"{FILE_NAME}.partial"
        with connected(partial, "rwc") as target:
            connection.backup(target)
            # Without a write-ahead log the copy is one file, which can be renamed as a whole.
            target.execute("PRAGMA journal_mode = DELETE")
        partial.chmod(FILE_MODE)
        partial.replace(saved / FILE_NAME)

    keeper_of(saved).run(copy)
    return saved


def _free_name(folder: Path) -> Path:
    """Return `folder` if nothing has that name, else a free name beside it."""
    beside = (folder.with_name(f"{folder.name}-saved-{number}") for number in itertools.count(1))
    return next(path for path in itertools.chain([folder], beside) if not os.path.lexists(path))
