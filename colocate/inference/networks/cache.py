"""Networks, engines and subgraphs are costly to make and are kept in the user's cache folder, which may be emptied at
any time.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from colocate.bounded import bounded
from colocate.errors import HostError, Interrupted
from colocate.worker import cache

# What is built is our own: these keep nothing away but what never ends.
_BUILD_BYTES, _BUILD_S = 1 << 40, 3600


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
    """The file that is kept as `name` in the folder of its kind; see `worker.cache.obtain`. It is built in a child:
    half a gigabyte of weights is drawn and copied by code in C, inside which no signal is heard.

    Raises HostError when the folder cannot be written, or belongs to somebody else.
    """
    path = folder(kind) / name
    if cache.kept(path) is None:
        try:
            bounded(lambda: _obtained(path, build), name, memory_bytes=_BUILD_BYTES, cpu_s=_BUILD_S)
        except Interrupted:
            # The child was killed, and so has released its lock.
            with cache.locked(path.parent):
                cache.clear(path.parent)
            raise
    return _obtained(path, build)


def _obtained(path: Path, build: Callable[[], bytes]) -> Path:
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
def shared(path: Path, fill: Callable[[], None]) -> Iterator[None]:
    """Inside, the folder `path` of a kind holds what `fill` writes there; the last process that uses it removes it.

    Whoever comes while others use it waits until they have written, and writes nothing. Raises HostError as `obtain`
    does.
    """
    while True:
        with _opened(path) as held:
            first = _locked(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not first:
                fcntl.flock(held, fcntl.LOCK_SH)
            if not _is_open(held, path):
                # Its last user has removed it in between.
                continue
            try:
                if first:
                    with _explained(path):
                        fill()
                    fcntl.flock(held, fcntl.LOCK_SH)
                yield
            finally:
                if _locked(held, fcntl.LOCK_EX | fcntl.LOCK_NB):
                    shutil.rmtree(path, ignore_errors=True)
            return


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    held = None
    while held is None:
        make_private(path)
        with contextlib.suppress(FileNotFoundError):
            held = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield held
    finally:
        os.close(held)


def _is_open(held: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(held), path.stat(follow_symlinks=False))
    return False


def _locked(held: int, how: int) -> bool:
    try:
        fcntl.flock(held, how)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _explained(where: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HostError(
            f"cannot keep {where.name} in {where}: {error.strerror}; "
            "make room or set XDG_CACHE_HOME to a folder of your own"
        ) from error
