"""One sweep at a time on a machine: two would be each other's load.

A lock on a file in the state folder, which the kernel releases when its process ends, however that ends.
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
    """Where the lock is."""
    named = os.environ.get(ENVIRONMENT, "")
    return Path(named) if named.startswith("/") else state_folder() / _FILE


@contextlib.contextmanager
def machine_alone(*, wait: bool = False, waits: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Inside, this process holds the machine alone. Where one is, wait until it has ended, with a word to `waits`, or
    raise HostError.

    Where no file can be made, as on a disk that cannot be written, nobody is kept out.
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
        # And with it the lock: no child has it, as descriptors of Python are closed on exec.
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError:
        return None


def _owner(descriptor: int, locks: Path = Path("/proc/locks")) -> str:
    """` (process 123)`, as the kernel says it; nothing where it does not, as of a process outside the container."""
    found = os.fstat(descriptor)
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with contextlib.suppress(OSError):
        # `1: FLOCK  ADVISORY  WRITE 123 08:01:456 0 EOF`
        for line in locks.read_text().splitlines():
            match line.split():
                case [_, "FLOCK", _, _, process, where, *_] if where == file and process.isdecimal() and int(process):
                    return f" (process {process})"
    return ""
