"""How the kernel schedules a process: its CPUs, its class and its priorities. Who has the right may change them."""

from __future__ import annotations

import os
from typing import NamedTuple


class Standing(NamedTuple):
    """The CPUs of a process's first thread, its scheduling class with the priority in it, and its nice value."""

    cpus: frozenset[int]
    policy: int
    priority: int
    nice: int


def standing(pid: int) -> Standing | None:
    """The standing of a process now; None where it has ended."""
    try:
        return Standing(
            frozenset(os.sched_getaffinity(pid)),
            os.sched_getscheduler(pid),
            os.sched_getparam(pid).sched_priority,
            os.getpriority(os.PRIO_PROCESS, pid),
        )
    except ProcessLookupError:
        return None
