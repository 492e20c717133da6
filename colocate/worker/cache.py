"""Files that are costly to make, kept until somebody empties their folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

# Only the holder of the lock has such a file; any that it finds was left by a builder that was killed.
_PARTIAL = ".partial"


def obtain(path: Path, build: Callable[[], bytes]) -> Path:
    """`path`, built and written where it does not exist yet.

    The file is there whole or not at all, and is built once however many processes ask for it together.
    Raises OSError when the folder cannot be written.
    """
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path.parent):
        if not path.exists():
            for left in path.parent.glob(f"*{_PARTIAL}"):
                left.unlink()
            _write(path, build())
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
