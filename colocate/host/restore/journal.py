"""The values that knobs (settings that colocate writes) had before the first write, kept on disk until restored.

The file is one header line, `colocate-journal VERSION SHA256`, and a JSON body that the checksum covers:
    {"boot_id": ..., "knobs": {path: value}, "token": ...}
It is written as a whole (a temporary file, fsync, rename, fsync of the folder), so a torn journal means a faulty
disk. Only the process that holds the folder's lock writes knobs and journal. A journal that others could have written
is not used: folder, journal and lock must be plain, owned by this user, and not writable by others.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from colocate.errors import HostError
from colocate.host.restore import knobs
from colocate.host.sysfs import Sysfs

VERSION = 1
_FILE = "journal"
_LOCK = "lock"
_HEADER = re.compile(rb"colocate-journal ([0-9]{1,9}) ([0-9a-f]{64})")
_BOOT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Enough for the knobs of a machine with a thousand CPUs.
_LONGEST_BYTES = 1 << 20
# Enough for a watchdog that holds the lock to restore its knobs, but not for a whole sweep.
LOCK_WAIT_S = 3.0


class Journal(NamedTuple):
    """What to restore: the former value of each knob. `token` names the session that wrote it, `boot_id` the boot of
    the machine.
    """

    token: str
    boot_id: str | None
    knobs: Mapping[str, str]


class Repair(NamedTuple):
    """What `restore` did: the knobs that it changed. If `rebooted`, there are none, because a reboot had reset them
    all.
    """

    changed: tuple[str, ...]
    rebooted: bool


def state_folder() -> Path:
    """Return the folder of the journal: /var/lib/colocate for root, else `colocate` below the user's XDG state
    folder.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/colocate")
    base = os.environ.get("XDG_STATE_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    return (Path(base) if base.startswith("/") else Path.home() / ".local/state") / "colocate"


def boot_id(sysfs: Sysfs) -> str | None:
    """Return the kernel's random name for this boot of the machine (random(4)); None if it shows none."""
    found = sysfs.read("/proc/sys/kernel/random/boot_id")
    return found if found is not None and _BOOT_ID.fullmatch(found) else None


def restore(sysfs: Sysfs, folder: Path, token: str | None = None, wait_s: float = LOCK_WAIT_S) -> Repair | None:
    """Restore what an unfinished session left changed and delete its journal; None if there is nothing to restore.

    After a reboot the journal is only deleted: the kernel's defaults are in force, and boot scripts may have chosen
    newer values. With `token`, the journals of other sessions are left alone. Raises HostError for a journal that
    must not be trusted, or if another process holds the lock for `wait_s` seconds, and RestoreError for a knob that
    stays different; then the journal is kept.
    """
    if _pending(sysfs, folder, token) is None:
        return None
    with locked(folder, wait_s):
        journal = _pending(sysfs, folder, token)
        if journal is None:
            return None
        rebooted = None not in (now := boot_id(sysfs), journal.boot_id) and now != journal.boot_id
        changed = () if rebooted else knobs.put_back(sysfs, journal.knobs)
        remove(folder)
        return Repair(changed, rebooted)


@contextlib.contextmanager
def locked(folder: Path, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
    """Inside, this process alone may write knobs. Raises HostError if another holds the lock for `wait_s` seconds, or
    if others may write the folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Closed on exec like every descriptor of Python, so no child keeps the lock after its parent's death.
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise HostError(f"cannot keep a journal in {folder}: {error.strerror}") from error
    try:
        _refuse_others(folder, folder.stat(), stat.S_ISDIR)
        _refuse_others(folder / _LOCK, os.fstat(descriptor), stat.S_ISREG)
        _await_lock(descriptor, folder, wait_s)
        yield
    finally:
        os.close(descriptor)


def write(folder: Path, journal: Journal) -> None:
    """Write the journal; it is on the disk when this returns. Raises HostError if that fails."""
    body = json.dumps(journal._asdict(), sort_keys=True).encode()
    header = f"colocate-journal {VERSION} {hashlib.sha256(body).hexdigest()}\n".encode()
    unfinished = folder / f"{_FILE}.new"
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(header + body)
            file.flush()
            os.fsync(descriptor)
        unfinished.replace(folder / _FILE)
        _sync(folder)
    except OSError as error:
        raise HostError(f"cannot write the journal in {folder}: {error.strerror}") from error


def read(sysfs: Sysfs, folder: Path) -> Journal | None:
    """Return the journal; None if there is none. Raises HostError if it is torn, of another version, or others could
    have written it.
    """
    path = folder / _FILE
    try:
        # This neither follows a link nor waits for a pipe.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            _refuse_others(folder, folder.stat(), stat.S_ISDIR)
            _refuse_others(path, os.fstat(file.fileno()), stat.S_ISREG)
            return _parse(sysfs, file.read(_LONGEST_BYTES + 1))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"cannot read {path}: {error.strerror}") from error
    except HostError as error:
        raise HostError(
            f"{path} is not to be trusted, so nothing was written: {error}. "
            "Reboot, or set the clocks by hand, and then delete it"
        ) from error


def is_left(folder: Path) -> bool:
    """Return whether there is a journal, whoever wrote it and even if it is damaged."""
    return os.path.lexists(folder / _FILE)


def remove(folder: Path) -> None:
    """Delete the journal, once every knob is restored. Raises HostError if that fails."""
    try:
        (folder / _FILE).unlink()
        _sync(folder)
    except OSError as error:
        raise HostError(f"the knobs are as they were, but {folder / _FILE} cannot be deleted: {error}") from error


def _parse(sysfs: Sysfs, raw: bytes) -> Journal:
    if len(raw) > _LONGEST_BYTES:
        raise HostError(f"it is longer than {_LONGEST_BYTES} bytes")
    first, _, body = raw.partition(b"\n")
    header = _HEADER.fullmatch(first)
    if header is None:
        raise HostError("its first line is not a journal's")
    if int(header[1]) != VERSION:
        raise HostError(f"its format is {int(header[1])} and this colocate knows {VERSION} alone")
    if hashlib.sha256(body).hexdigest().encode() != header[2]:
        raise HostError("its checksum does not match")
    try:
        journal = Journal(**json.loads(body))
        for knob, value in journal.knobs.items():
            knobs.check(sysfs, knob, value)
        if journal.boot_id is not None and not _BOOT_ID.fullmatch(journal.boot_id):
            raise HostError(f"no boot of a machine has the id {journal.boot_id[:40]!r}")
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise HostError(f"it is not a journal's JSON: {error}") from error
    return journal


def _refuse_others(path: Path, found: os.stat_result, plain: Callable[[int], bool]) -> None:
    """Raise HostError unless `found` is a plain file or folder, as `plain` tests, which only this user can write."""
    if not plain(found.st_mode):
        raise HostError(f"{path} is not a plain {'folder' if plain is stat.S_ISDIR else 'file'}")
    if found.st_uid != os.geteuid():
        raise HostError(f"{path} belongs to user {found.st_uid}")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise HostError(f"others may write {path} (mode {stat.S_IMODE(found.st_mode):o}); chmod go-w it")


def _pending(sysfs: Sysfs, folder: Path, token: str | None) -> Journal | None:
    journal = read(sysfs, folder)
    return journal if journal is not None and token in (None, journal.token) else None


def _await_lock(descriptor: int, folder: Path, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline_s:
                raise HostError(
                    f"another colocate process sets clocks here (it holds {folder / _LOCK}); wait for it or stop it"
                ) from error
        time.sleep(0.01)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
