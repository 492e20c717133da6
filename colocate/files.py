"""Files of a run, written so that nobody can lead them elsewhere.

A file is written whole under a name of its own and then renamed: what has its name is replaced, never followed.
Where root writes into what another user may replace, it does so with the rights of that user: whatever they put
there, nothing changes that they could not change themselves, and the files are theirs.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import platform
import pwd
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from colocate.errors import StoreError

FILE_MODE, FOLDER_MODE = 0o644, 0o755

_T = TypeVar("_T")
# As many as the kernel follows (path_resolution(7)).
_LINKS_MAX = 40
# Of the number of a user, and one more.
_DIGITS = 11
# setgroups for one thread alone (asm/unistd.h); the one of libc is for all of them.
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "armv7l": 206}


class Keeper(NamedTuple):
    """The user who decides what lies in a folder; `uid` is None for the one who runs this."""

    uid: int | None = None
    gid: int = 0

    def run(self, action: Callable[[], _T]) -> _T:
        """What `action` returns, done with the keeper's rights to files. It runs in a thread of its own then: rights
        belong to a thread, and there is nothing to take back, whatever ends it.
        """
        if self.uid is None:
            return action()
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(max_workers=1) as thread:
            return thread.submit(self._acting, action).result()

    def _acting(self, action: Callable[[], _T]) -> _T:
        libc, groups = ctypes.CDLL(None), self._groups()
        number = _SETGROUPS.get(platform.machine())
        if number is not None:
            libc.syscall(number, len(groups), (ctypes.c_uint * len(groups))(*groups))
        libc.setfsgid(self.gid)
        libc.setfsuid(self.uid)
        # -1 is nobody: it changes nothing, and answers who is in force.
        if libc.setfsuid(-1) != self.uid:
            raise PermissionError(errno.EPERM, f"root may not act as {self.name} here, who can replace it")
        try:
            return action()
        except PermissionError as error:
            reason = f"{error.strerror} for {self.name}, who can replace it; chown it to {self.name}"
            raise PermissionError(error.errno, reason, error.filename) from error

    @property
    def name(self) -> str:
        """The user's name, or their number where they have none here."""
        try:
            return f"user {pwd.getpwuid(self.uid or 0).pw_name}"
        except KeyError:
            return f"user {self.uid}"

    def _groups(self) -> list[int]:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(self.uid or 0)
            return os.getgrouplist(entry.pw_name, entry.pw_gid)
        return [self.gid]


def caller_uid() -> int | None:
    """Where root was called by another user through sudo, that user, who could do all of it as root."""
    said = os.environ.get("SUDO_UID", "")
    return int(said) or None if os.geteuid() == 0 and said.isdecimal() and len(said) < _DIGITS else None


def keeper_of(folder: Path) -> Keeper:
    """For root, the first user but root whose folder or link is on the way into `folder`: all further on is as they
    like.

    Raises StoreError where anybody may replace a part of the way, OSError where one is missing.
    """
    if os.geteuid() != 0:
        return Keeper()
    way, left, links = Path("/"), [*reversed(folder.absolute().parts[1:])], 0
    while left:
        name = left.pop()
        if name == "..":
            way = way.parent
            continue
        here = way / name
        found = here.lstat()
        if found.st_uid:
            return Keeper(found.st_uid, found.st_gid)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _LINKS_MAX:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder))
            target = here.readlink()
            way = Path("/") if target.is_absolute() else way
            left += reversed(target.parts[target.is_absolute() :])
            continue
        if found.st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            raise StoreError(f"anybody may replace what lies in {here}: chmod o-w {here}, or choose another folder")
        way = here
    return Keeper()


def write_file(path: Path, content: bytes | str) -> Path:
    """Write `content`, text as UTF-8, as the file `path`, and return that: whole or not at all, to be read by all.

    Raises StoreError where something else than a file has that name, OSError where it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    keeper_of(path.parent).run(lambda: _replace(path, data))
    return path


def open_log(path: Path) -> int:
    """The file `path` to be written at its end and read; it is made where it is missing. Raises what `write_file`
    does.
    """

    def opened() -> int:
        _refuse_other(path, stat.S_ISREG, "file")
        # Should it have become something else since, this neither follows nor waits.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags, FILE_MODE)
        with contextlib.suppress(PermissionError):
            os.fchmod(descriptor, FILE_MODE)
        return descriptor

    return keeper_of(path.parent).run(opened)


def remove_file(path: Path) -> None:
    """Remove the file `path` if it is there. Raises what `write_file` does."""

    def remove() -> None:
        _refuse_other(path, stat.S_ISREG, "file")
        path.unlink(missing_ok=True)

    keeper_of(path.parent).run(remove)


def make_folder(path: Path) -> None:
    """Make the folder `path`, and those above it, where they are missing; all may read what lies there.

    Raises StoreError where something else has that name, be it a link to a folder; OSError where it cannot be made.
    """
    for each in (*reversed(path.parents), path):
        if not each.is_dir():
            keeper_of(each.parent).run(functools.partial(_make, each))
    _refuse_other(path, stat.S_ISDIR, "folder")


def check_folder(path: Path) -> None:
    """Raise StoreError where `make_folder` would, or no files could be written then. A folder and a file under names
    of their own are made for that and removed, in the nearest folder that is there.
    """
    try:
        there = _nearest(path)
        if there == path:
            _refuse_other(path, stat.S_ISDIR, "folder")
        elif not there.is_dir():
            raise StoreError(f"{there} is no folder, and {path} cannot lie in it; choose another")
        keeper_of(there).run(lambda: _write_in(there))
    except OSError as error:
        raise StoreError(f"nothing can be written in {path}: {error.strerror}; choose another folder") from error


def _nearest(path: Path) -> Path:
    """The path itself, or the first above that is there, be it a link that leads nowhere."""
    for each in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError):
            each.lstat()
            return each
    # The current folder is gone.
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _write_in(folder: Path) -> None:
    probe = Path(tempfile.mkdtemp(prefix=".colocate-", dir=folder))
    try:
        (probe / "file").touch()
        (probe / "file").unlink()
    finally:
        probe.rmdir()


def _make(folder: Path) -> None:
    # Another process may be as fast; what else has the name is refused when it is used.
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        # A folder for a group hands the group on.
        folder.chmod(FOLDER_MODE | folder.stat().st_mode & stat.S_ISGID)


def _replace(path: Path, data: bytes) -> None:
    _refuse_other(path, stat.S_ISREG, "file")
    descriptor, partial = tempfile.mkstemp(prefix=".colocate-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, FILE_MODE)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def _refuse_other(path: Path, wanted: Callable[[int], bool], word: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise StoreError(f"{path} is a symbolic link, which is not followed: remove it, or name what it leads to")
        if not wanted(mode):
            raise StoreError(f"{path} is no {word}, and is left as it is: move it away")
