"""What somebody changes of how a process is scheduled is seen."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from colocate.host.processes.standing import standing


@pytest.mark.parametrize(
    "change",
    [
        lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 7),
        lambda pid: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0)),
        lambda pid: os.sched_setaffinity(pid, [min(os.sched_getaffinity(0))]),
    ],
)
def test_a_change_is_seen(change: Callable[[int], None]) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one CPU alone: no process can be moved to another")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        before = standing(process.pid)
        assert before is not None and before == standing(process.pid)
        change(process.pid)
        assert standing(process.pid) not in (before, None)
    assert standing(process.pid) is None
