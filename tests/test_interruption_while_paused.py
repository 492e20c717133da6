"""A sweep that is ended while something is paused leaves no process, running or stopped, and no group."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from colocate.host.cpus import cpuset
from tests.rigs.host.alternating import KINDS, confinement_of
from tests.test_interruption import GONE_S, MARK, marked

# The task is paused in the first, and the network in the second.
PAUSED = ("ALONE", "TASK_ALONE")
CONDITIONS = (*PAUSED, "BESIDE")


def groups_of(pid: int) -> list[Path]:
    return [group for tree in cpuset._freezers_first() for group in tree.folder.glob(f"colocate-{pid}-*")]


def started(kind: str, task: str, mark: str) -> subprocess.Popen[str]:
    if confinement_of(kind) is None:
        pytest.skip(f"this process cannot pause by {kind}")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.rigs.host.alternating", kind, task],
        env={**os.environ, MARK: mark},
        stdout=subprocess.PIPE,
        text=True,
    )


def await_condition(process: subprocess.Popen[str], condition: str, times: int) -> None:
    assert process.stdout is not None
    while times and (line := process.stdout.readline()):
        times -= line.strip() == condition
    assert not times, f"it ended: {process.poll()}"


def assert_nothing_is_left(pid: int, mark: str) -> None:
    deadline_s = time.monotonic() + GONE_S
    while (left := (marked(mark), groups_of(pid))) != ([], []) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert left == ([], []), [(process.status(), process.cmdline()) for process in left[0]]


CASES = [
    *(("daemon", condition, signal.SIGKILL) for condition in CONDITIONS),
    *(("stringsearch", condition, signal.SIGKILL) for condition in PAUSED),
    *(("daemon", condition, signal.SIGINT) for condition in PAUSED),
]


@pytest.mark.parametrize(("task", "condition", "signum"), CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_stays_paused(kind: str, task: str, condition: str, signum: signal.Signals) -> None:
    mark = uuid.uuid4().hex
    process = started(kind, task, mark)
    moments = random.Random(f"{kind} {task} {condition} {signum}")
    await_condition(process, condition, moments.randint(1, 3))
    time.sleep(moments.uniform(0, 0.03))
    process.send_signal(signum)
    # Whoever holds the pipe lives: so its end is no measure.
    code = process.wait(120)
    assert_nothing_is_left(process.pid, mark)
    assert code == (-signum if signum == signal.SIGKILL else 128 + signum)


@pytest.mark.parametrize("kind", KINDS)
def test_restore_removes_what_not_even_the_watchdog_could(kind: str) -> None:
    mark = uuid.uuid4().hex
    process = started(kind, "daemon", mark)
    await_condition(process, "ALONE", 1)
    for each in marked(mark):
        if "colocate.host.restore.watchdog" in " ".join(each.cmdline()):
            each.kill()
    process.kill()
    process.wait(120)
    done = subprocess.run([sys.executable, "-m", "colocate", "restore"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert_nothing_is_left(process.pid, mark)
