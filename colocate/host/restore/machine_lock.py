"""One sweep at a time on a machine, because two would load each other.

The lock is on a file in the state folder. The kernel releases it when the process ends.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from colocate.errors import HostError
from colocate.host.locks import locked
from colocate.host.restore.journal import state_folder

# Another file than the state folder's, for two users who share a machine, or tests that share it.
ENVIRONMENT = "COLOCATE_MACHINE_LOCK"
_FILE = "machine"
_LOOK_AGAIN_S = 0.5


def lock_file() -> Path:
    """Return the path of the lock: what the environment variable `ENVIRONMENT` names, else a file in the state
    folder.
    """
    named = os.environ.get(ENVIRONMENT, "")
    return Path(named) if named.startswith("/") else state_folder() / _FILE


@contextlib.contextmanager
def machine_alone(*, wait: bool = False, waits: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Inside, no other sweep runs on the machine. If one does, raise HostError; with `wait`, tell `waits` so and wait
    until it has ended.

    If the lock's file cannot be made, as on a read-only disk, there is no lock.
    """
    descriptor = _opened(lock_file())
    if descriptor is None:
        yield
        return
    try:
        said = False
        while not locked(descriptor):
            other = f"another sweep{_owner(descriptor)} runs on this machine"
            if not wait:
                raise HostError(
                    f"{other}, and each would be the other's load: give --wait-for-machine to begin when it has ended"
                )
            if not said:
                waits(f"Waiting: {other}.")
                said = True
            time.sleep(_LOOK_AGAIN_S)
        yield
    finally:
        # This releases the lock: no child holds it, because Python's descriptors are closed on exec.
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError:
        return None


def _owner(descriptor: int, locks: Path = Path("/proc/locks")) -> str:
    """Return ` (process 123)` for the process that holds the lock, as the kernel names it. Return "" if the kernel
    does not, as for a process outside the container.
    """
    found = os.fstat(descriptor)
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with contextlib.suppress(OSError):
        # `1: FLOCK  ADVISORY  WRITE 123 08:01:456 0 EOF`
        for line in locks.read_text().splitlines():
            match line.split():
                case [_, "FLOCK", _, _, process, where, *_] if where == file and process.isdecimal() and int(process):
                    return f" (process {process})"
    return ""
