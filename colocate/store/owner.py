"""Who can write a run's folder. A run that others could have written is read from a copy, and resumed on request."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from colocate.errors import StoreError
from colocate.files import caller_uid, keeper_of

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_ATTEMPTS = 20


def writable_by_others(path: Path) -> str:
    """Return how users other than this one and root could write what is at `path`, in words: empty if they cannot."""
    return _words(path.stat())


def replaceable_by_others(path: Path) -> bool:
    """Whether others could replace what is at `path`, or a folder above it."""
    try:
        # For root, the owner of a link on the path counts too.
        if keeper_of(path.parent).uid not in (None, caller_uid()):
            return True
    except StoreError:
        return True
    around = [each.stat() for each in path.resolve().parents]
    # In a sticky folder that root owns, as /tmp is, users can replace only entries of their own.
    return any(_words(each) and not (each.st_mode & stat.S_ISVTX and each.st_uid == 0) for each in around)


def _words(status: os.stat_result) -> str:
    if status.st_uid not in (0, os.geteuid(), caller_uid()):
        return f"belongs to user {status.st_uid}"
    if status.st_mode & _OTHERS:
        return f"can be written by others (mode {stat.S_IMODE(status.st_mode):o})"
    return ""


@contextlib.contextmanager
def copied(folder: Path, names: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Yield a temporary folder with copies of the files `names` of `folder`, and how others could have written these.

    All copies are of one moment. Raises StoreError if the files keep changing, are no regular files, or do not fit.
    """
    with tempfile.TemporaryDirectory(prefix="colocate-") as name:
        own, descriptor = Path(name), os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for _ in range(_ATTEMPTS):
                before = _state(descriptor, names[0])
                words = [_words(os.fstat(descriptor)), *(_copy(folder, descriptor, each, own) for each in names)]
                # SQLite moves what its log holds into the file: a copy of both from before and after has gaps.
                if _state(descriptor, names[0]) == before:
                    break
            else:
                raise StoreError(f"the run in {folder} changes all the time; try again when its sweep is over")
        finally:
            os.close(descriptor)
        yield own, next(filter(None, words), "")


def _state(folder: int, name: str) -> tuple[int, int, int]:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return status.st_ino, status.st_size, status.st_mtime_ns


def _copy(folder: Path, descriptor: int, name: str, into: Path) -> str:
    """Copy a file, if it exists, and return how others could have written it, in words."""
    (into / name).unlink(missing_ok=True)
    try:
        opened = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=descriptor)
    except FileNotFoundError:
        return ""
    with os.fdopen(opened, "rb") as source:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise StoreError(f"{folder / name} is no regular file")
        free = shutil.disk_usage(into).free
        if status.st_size > free // 2:
            raise StoreError(
                f"{folder / name} can be written by others and is copied first: there is no room for its "
                f"{status.st_size} bytes in {into.parent}; set TMPDIR to where there is"
            )
        with (into / name).open("wb") as target:
            shutil.copyfileobj(source, target)
    return _words(status)
