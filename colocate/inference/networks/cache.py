"""Networks, engines and subgraphs are costly to make and are kept in the user's cache folder, which may be emptied at
any time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from colocate.errors import HostError
from colocate.worker import cache


def folder(kind: str = "networks") -> Path:
    """Where files of this kind are kept: the XDG base directory rules, which ignore a relative path."""
    return root() / kind


def root() -> Path:
    """Where all kinds are kept. Raises HostError for a user without a home folder."""
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen, "colocate")
    try:
        return Path.home() / ".cache" / "colocate"
    except RuntimeError as error:
        raise HostError("this user has no home folder for a cache; set XDG_CACHE_HOME") from error


def obtain(name: str, build: Callable[[], bytes], kind: str = "networks") -> Path:
    """The file that is kept as `name` in the folder of its kind; see `worker.cache.obtain`.

    Raises HostError when the folder cannot be written, or belongs to somebody else.
    """
    path = folder(kind) / name
    with _explained(path.parent):
        return cache.obtain(path, build)


def read(kept: Path) -> bytes:
    """The content of a file that `obtain` gave. Raises HostError where it was changed since."""
    with _explained(kept.parent):
        return cache.read(kept)


def make_private(path: Path) -> None:
    """Make the folder `path` of a kind, for files that nobody else can write. Raises HostError as `obtain` does."""
    with _explained(path):
        cache.make_private(path.parent)
        cache.make_private(path)


@contextlib.contextmanager
def _explained(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostError(
            f"cannot keep {where.name} in {where}: {error.strerror}; "
            "make room or set XDG_CACHE_HOME to a folder of your own"
        ) from error
