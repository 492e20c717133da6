"""Restores knobs and removes cpusets if the sweep has died without doing so, even by SIGKILL.

The watchdog is a process in a session of its own that sleeps in a read from a pipe. The sweep holds the other end, so
the kernel wakes the watchdog as soon as the sweep ends. The watchdog imports only what `restore` needs, all of it
before it says `up`: afterwards the CPU may be pinned to its lowest clock.
"""

from __future__ import annotations

import contextlib
import math
import os
import signal
from pathlib import Path

from colocate.errors import ColocateError
from colocate.host.cpus.cpuset import remove_groups_of
from colocate.host.processes.signals import STOPPING
from colocate.host.restore.journal import restore
from colocate.host.sysfs import Sysfs


def main(root: str, folder: str, token: str) -> None:
    """Say `up` on stdout and wait for the end of stdin. Then restore the journal of `token` and remove the cgroups of
    the parent, if they are still there.
    """
    sweep = os.getppid()
    for signum in STOPPING:
        signal.signal(signum, signal.SIG_IGN)
    _outlast_memory()
    os.write(1, b"up\n")
    os.read(0, 1)
    # Nobody is left to read a message: the journal stays, the next sweep refuses to start and names `restore`,
    # which says what is wrong.
    try:
        with contextlib.suppress(ColocateError):
            restore(Sysfs(Path(root)), Path(folder), token, wait_s=math.inf)
    finally:
        with contextlib.suppress(ColocateError, OSError):
            remove_groups_of(sweep)


def _outlast_memory() -> None:
    """Ask the kernel to kill this process last when memory runs out (proc(5)). Only root may ask that."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("-1000")
