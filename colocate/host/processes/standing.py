"""How the kernel schedules a process: its CPUs, its class and its priorities. Any process with the rights can change
them.
"""

from __future__ import annotations

import os
from typing import NamedTuple


class Standing(NamedTuple):
    """The CPUs of a process's first thread, its scheduling class, its priority in that class, and its nice value."""

    cpus: frozenset[int]
    policy: int
    priority: int
    nice: int


def standing(pid: int) -> Standing | None:
    """Return how a process is scheduled now; None if it has ended."""
    try:
        return Standing(
            frozenset(os.sched_getaffinity(pid)),
            os.sched_getscheduler(pid),
            os.sched_getparam(pid).sched_priority,
            os.getpriority(os.PRIO_PROCESS, pid),
        )
    except ProcessLookupError:
        return None
