"""The user's cache folder for files that are costly to make: networks, engines and subgraphs. It may be emptied at
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

# Only colocate's own code builds here, so these limits only stop a build that never ends.
_BUILD_BYTES, _BUILD_S = 1 << 40, 3600


def folder(kind: str = "networks") -> Path:
    """Return the folder for files of this `kind`. Raises HostError as `root` does."""
    return root() / kind


def root() -> Path:
    """Return colocate's cache folder, in `$XDG_CACHE_HOME` if that is an absolute path, otherwise in `~/.cache` (XDG
    Base Directory Specification). Raises HostError if the user has no home folder.
    """
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    if Path(chosen).is_absolute():
        return Path(chosen, "colocate")
    try:
        return Path.home() / ".cache" / "colocate"
    except RuntimeError as error:
        raise HostError("this user has no home folder for a cache; set XDG_CACHE_HOME") from error


def obtain(name: str, build: Callable[[], bytes], kind: str = "networks") -> Path:
    """Return the file that is kept as `name` in the folder of its `kind`; see `worker.cache.obtain`. If needed,
    `build` makes it first, in a child process: code in C makes half a gigabyte of weights, and no signal handler runs
    meanwhile.

    Raises HostError if the folder cannot be written or belongs to another user.
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
    """Return the content of a file that `obtain` returned. Raises HostError if the file has changed since."""
    with _explained(kept.parent):
        return cache.read(kept)


def make_private(path: Path) -> None:
    """Create the folder `path` of a kind if needed, and make it writable by this user alone. Raises HostError as
    `obtain` does.
    """
    with _explained(path):
        cache.make_private(path.parent)
        cache.make_private(path)


@contextlib.contextmanager
def shared(path: Path, fill: Callable[[], None]) -> Iterator[None]:
    """Inside this context, the folder `path` of a kind holds what `fill` writes there. The last process that uses the
    folder removes it.

    A process that comes while others use the folder waits until `fill` has ended, and does not call it. Raises
    HostError as `obtain` does.
    """
    while True:
        with _opened(path) as held:
            first = _locked(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not first:
                fcntl.flock(held, fcntl.LOCK_SH)
            if not _is_open(held, path):
                # The folder's last user has removed it in the meantime.
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
