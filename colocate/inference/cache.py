"""Files that are costly to make and are kept in the user's cache folder. It may be emptied at any time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from colocate.errors import HostError

# Only the holder of the lock has such a file; any that it finds was left by a builder that was killed.
_PARTIAL = ".partial"


def folder(kind: str = "networks") -> Path:
    """Where files of this kind are kept: the XDG base directory rules, which ignore a relative path."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen, "colocate", kind)
    try:
        return Path.home() / ".cache" / "colocate" / kind
    except RuntimeError as error:
        raise HostError(f"this user has no home folder to keep {kind} in; set XDG_CACHE_HOME") from error


def obtain(name: str, build: Callable[[], bytes], kind: str = "networks") -> Path:
    """The path of the file `name` in the folder of its kind, built and written where there is none yet.

    The file is there whole or not at all, and is built once however many processes ask for it together.
    Raises HostError when the folder cannot be written.
    """
    path = folder(kind) / name
    try:
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.parent):
            if not path.exists():
                for left in path.parent.glob(f"*{_PARTIAL}"):
                    left.unlink()
                _write(path, build())
    except OSError as error:
        raise HostError(
            f"cannot keep {kind} in {path.parent}: {error.strerror}; "
            "make room or set XDG_CACHE_HOME to a folder that can be written"
        ) from error
    return path


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(path.name + _PARTIAL)
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Alone in `directory`. The kernel lifts the lock when the process ends, however it ends."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
