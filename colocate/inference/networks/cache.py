"""Networks, engines and subgraphs are costly to make and are kept in the user's cache folder, which may be emptied at
any time.
"""

from __future__ import annotations

import os
from collections.abc import Callable
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
    """The path of the file `name` in the folder of its kind; see `worker.cache.obtain`.

    Raises HostError when the folder cannot be written.
    """
    path = folder(kind) / name
    try:
        return cache.obtain(path, build)
    except OSError as error:
        raise HostError(
            f"cannot keep {kind} in {path.parent}: {error.strerror}; "
            "make room or set XDG_CACHE_HOME to a folder that can be written"
        ) from error
