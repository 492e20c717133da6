"""Files that are costly to make, kept until somebody empties their folder.

What is kept is loaded again as code that runs, as root on a board. So a file is used when it is as it was written, by
the digest in its name, and when nobody else can have written it, by its owner and mode; else it is made once more.
"""

import contextlib
import errno
import fcntl
import glob
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

# Only the holder of the lock has such a file; any that it finds was left by a builder that was killed.
_PARTIAL = ".partial"
# Characters of the SHA-256 in a name.
_DIGEST = 16
_CHUNK_BYTES = 1 << 20
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
# What this process has hashed, and how it was found then.
_hashed: "dict[Path, tuple[int, ...]]" = {}


def obtain(path: Path, build: "Callable[[], bytes]") -> Path:
    """The file that is kept as `path`, which is built and written where there is none; its own name has the digest of
    its content.

    The file is there whole or not at all, and is built once however many processes ask for it together. Raises
    OSError when the folder cannot be written, or belongs to somebody else.
    """
    make_private(path.parent)
    found = kept(path)
    if found is not None:
        return found
    with locked(path.parent):
        found = kept(path)
        if found is None:
            clear(path.parent)
            for left in _named(path):
                left.unlink()
            found = _write(path, build())
    return found


def clear(folder: Path) -> None:
    """Remove what a builder left that was killed. The caller has `folder` locked."""
    for left in folder.glob(f"*{_PARTIAL}"):
        left.unlink()


def kept(path: Path) -> "Path | None":
    """The file that is kept as `path` and as it was written; None where there is none."""
    return next(filter(_sound, _named(path)), None)


def read(kept: Path) -> bytes:
    """The content of a file that `obtain` gave. Raises OSError where it is no longer what it was."""
    with _opened(kept) as descriptor:
        content = b"".join(_chunks(descriptor))
    if hashlib.sha256(content).hexdigest()[:_DIGEST] != _digest_in(kept):
        raise OSError(errno.EIO, "it is damaged", str(kept))
    return content


def check(kept: Path) -> None:
    """Raise OSError where a file that `obtain` gave is no longer what it was, or others could have changed it."""
    make_private(kept.parent)
    if not _sound(kept):
        raise OSError(errno.EIO, "it is damaged, or somebody else could have written it", str(kept))


def read_private(path: Path) -> bytes:
    """The content of a file that is none of the cache's. Raises OSError where somebody else could have written it."""
    with _opened(Path(os.path.realpath(str(path)))) as descriptor:
        return b"".join(_chunks(descriptor))


def private_sha256(path: Path) -> str:
    """The SHA-256 of what `read_private` reads, without memory for all of it. Raises OSError as that does."""
    with _opened(Path(os.path.realpath(str(path)))) as descriptor:
        return _sha256(descriptor)


def make_private(folder: Path) -> None:
    """See to it that `folder`, and the one around it, exist and that nobody else can write them.

    Raises OSError where they belong to another user, who could put there what is then loaded.
    """
    for each in (folder.parent, folder):
        each.mkdir(mode=0o755, parents=True, exist_ok=True)
        found = each.stat()
        if found.st_uid not in (0, os.geteuid()):
            raise OSError(
                errno.EPERM,
                f"{each} belongs to another user ({found.st_uid}), who could change what is loaded from it",
            )
        if found.st_mode & _OTHERS:
            each.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)


def _named(path: Path) -> "list[Path]":
    """All that is kept as `path`, sound or not."""
    digest = "[0-9a-f]" * _DIGEST
    return sorted(path.parent.glob(f"{glob.escape(path.stem)}-{digest}{glob.escape(path.suffix)}"))


def _sound(kept: Path) -> bool:
    try:
        with _opened(kept) as descriptor:
            found = os.fstat(descriptor)
            stamp = (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            if _hashed.get(kept) != stamp:
                if _sha256(descriptor)[:_DIGEST] != _digest_in(kept):
                    return False
                _hashed[kept] = stamp
            return True
    except OSError:
        return False


@contextlib.contextmanager
def _opened(kept: Path) -> "Iterator[int]":
    """Raises OSError for what is no plain file, and for one that somebody else could have written."""
    descriptor = os.open(str(kept), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(kept))
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & _OTHERS:
            raise OSError(errno.EPERM, "somebody else could have written it", str(kept))
        yield descriptor
    finally:
        os.close(descriptor)


def _sha256(descriptor: int) -> str:
    digest = hashlib.sha256()
    for chunk in _chunks(descriptor):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(descriptor: int) -> "Iterator[bytes]":
    chunk = os.read(descriptor, _CHUNK_BYTES)
    while chunk:
        yield chunk
        chunk = os.read(descriptor, _CHUNK_BYTES)


def _digest_in(kept: Path) -> str:
    return kept.stem[-_DIGEST:]


def _write(path: Path, content: bytes) -> Path:
    digest = hashlib.sha256(content).hexdigest()[:_DIGEST]
    kept = path.with_name(f"{path.stem}-{digest}{path.suffix}")
    partial = kept.with_name(kept.name + _PARTIAL)
    try:
        descriptor = os.open(str(partial), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            # Whatever the umask.
            os.fchmod(descriptor, 0o644)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(kept)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
    return kept


@contextlib.contextmanager
def locked(directory: Path) -> "Iterator[None]":
    """Alone in `directory`, once no other is. The kernel lifts the lock when the process ends, however it ends."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
