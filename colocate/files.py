"""Write the files of a run so that no other user can redirect a write.

A file is written whole under a temporary name and then renamed. The rename replaces whatever has the file's name; it
follows no link. If another user may replace a part of the path, root writes with the rights of that user: so root
changes nothing that this user could not change, and the files belong to this user.
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
# One more than the largest uid has.
_DIGITS = 11
# The system call setgroups (asm/unistd.h), which sets the groups of one thread; that of libc sets those of all
# threads.
_SETGROUPS = {"x86_64": 116, "aarch64": 159, "armv7l": 206}


class Keeper(NamedTuple):
    """The user whose rights are used to write in a folder; `uid` is None for the user who runs this process."""

    uid: int | None = None
    gid: int = 0

    def run(self, action: Callable[[], _T]) -> _T:
        """Call `action` with this user's rights to files, and return its result.

        For another user it runs in a thread of its own. Linux keeps these rights per thread, so they end with the
        thread. Raises PermissionError if root cannot act as this user, or if the user's rights do not suffice.
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
        # setfsuid(-1) changes nothing, and returns the uid that is in force.
        if libc.setfsuid(-1) != self.uid:
            raise PermissionError(errno.EPERM, f"root may not act as {self.name} here, who can replace it")
        try:
            return action()
        except PermissionError as error:
            reason = f"{error.strerror} for {self.name}, who can replace it; chown it to {self.name}"
            raise PermissionError(error.errno, reason, error.filename) from error

    @property
    def name(self) -> str:
        """`user NAME`, or `user NUMBER` if this machine knows no name for it."""
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
    """If a user became root through sudo to run this process, the uid of that user; else None.

    This user could do everything as root anyway.
    """
    said = os.environ.get("SUDO_UID", "")
    return int(said) or None if os.geteuid() == 0 and said.isdecimal() and len(said) < _DIGITS else None


def keeper_of(folder: Path) -> Keeper:
    """Return the user whose rights must be used to write in `folder`.

    For root, that is the first other user who owns a folder or a link on the path into `folder`, because this user
    may replace all that follows. If there is none, or if root does not run this process, it is the user who does.

    Raises StoreError if everybody may replace a part of the path, OSError if a part is missing.
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
    """Write `content` (text as UTF-8) to the file `path`, whole or not at all, readable by all; return `path`.

    Raises StoreError if something that is no regular file has that name, OSError if the file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    keeper_of(path.parent).run(lambda: _replace(path, data))
    return path


def open_log(path: Path) -> int:
    """Open the file `path` to append and to read, and return its descriptor. A missing file is made.

    Raises what `write_file` does.
    """

    def opened() -> int:
        _refuse_other(path, stat.S_ISREG, "file")
        # If it has become a link or a pipe since, these flags neither follow it nor wait for it.
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
    """Make the folder `path`, and the folders above it, if they are missing. All users may read what lies there.

    Raises StoreError if something else, even a link to a folder, has that name; OSError if it cannot be made.
    """
    for each in (*reversed(path.parents), path):
        if not each.is_dir():
            keeper_of(each.parent).run(functools.partial(_make, each))
    _refuse_other(path, stat.S_ISDIR, "folder")


def check_folder(path: Path) -> None:
    """Raise StoreError if `make_folder` would fail, or if no file could be written in the folder.

    To find out, it makes and removes a folder with a file in the nearest existing folder, under temporary names.
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
    """Return `path` if it exists, else the first folder above it that does. Even a link to nowhere counts."""
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
    # Another process may have made it meanwhile. If something else has the name, it is refused when it is used.
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        # Keep the setgid bit: what is made in the folder inherits its group.
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
