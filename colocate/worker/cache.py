"""Files that are costly to make, kept until somebody empties their folder.

A kept file is loaded as code, on a board even by root. So it is used only if its content matches the digest in its
name, and if its owner and mode show that nobody else can have written it. Otherwise it is made again.
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
# The files that this process has hashed, and their state at that time.
_hashed: "dict[Path, tuple[int, ...]]" = {}


def obtain(path: Path, build: "Callable[[], bytes]") -> Path:
    """Return the file that is kept as `path`, or build and write it. The name of the file itself also has the digest
    of its content.

    The file is there whole or not at all, and is built only once even if several processes ask for it together.
    Raises OSError if the folder cannot be written, or belongs to somebody else.
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
    """Remove the partial files of builders that were killed. The caller has `folder` locked."""
    for left in folder.glob(f"*{_PARTIAL}"):
        left.unlink()


def kept(path: Path) -> "Path | None":
    """The file that is kept as `path`, if it is unchanged since it was written; else None."""
    return next(filter(_sound, _named(path)), None)


def read(kept: Path) -> bytes:
    """Return the content of a file from `obtain`. Raises OSError if it has changed, or somebody else could have
    written it.
    """
    with _opened(kept) as descriptor:
        content = b"".join(_chunks(descriptor))
    if hashlib.sha256(content).hexdigest()[:_DIGEST] != _digest_in(kept):
        raise OSError(errno.EIO, "it is damaged", str(kept))
    return content


def check(kept: Path) -> None:
    """Raise OSError if a file from `obtain` has changed, or somebody else could have written it."""
    make_private(kept.parent)
    if not _sound(kept):
        raise OSError(errno.EIO, "it is damaged, or somebody else could have written it", str(kept))


def read_private(path: Path) -> bytes:
    """Return the content of a file outside the cache. Raises OSError if somebody else could have written it."""
    with _opened(Path(os.path.realpath(str(path)))) as descriptor:
        return b"".join(_chunks(descriptor))


def private_sha256(path: Path) -> str:
    """The SHA-256 of what `read_private` reads, without holding it all in memory. Raises OSError as `read_private`
    does.
    """
    with _opened(Path(os.path.realpath(str(path)))) as descriptor:
        return _sha256(descriptor)


def make_private(folder: Path) -> None:
    """Make sure that `folder` and its parent exist, and that nobody else can write them.

    Raises OSError if one belongs to another user, who could replace what is loaded from there.
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
    """All files that are kept as `path`, valid or not."""
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
    """Open a file to read it. Raises OSError if it is no regular file, or if somebody else could have written it."""
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
    """Hold the lock of `directory`, after waiting for it. The kernel releases it when the process ends, however it
    ends.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
