"""Ctrl-Z stops what this process started, and what is paused already stays so."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.host.processes.suspension import suspended_together
from tests.commands.command_line import TINY
from tests.cpu_workloads.conversation import eventually

# As a shell with job control does: the job is in a group of its own, in the session of who started it. A stopped
# group without such a one is sent SIGHUP.
SHELL = """
import os, subprocess, sys
job = subprocess.Popen(sys.argv[1:], preexec_fn=os.setpgrp)
print(job.pid, flush=True)
sys.exit(job.wait())
"""


@pytest.fixture
def children() -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [subprocess.Popen(["sh", "-c", "sleep 60 & wait"], start_new_session=True) for _ in range(2)]
    assert eventually(lambda: all(psutil.Process(each.pid).children() for each in started))
    yield started
    for each in started:
        os.killpg(each.pid, signal.SIGKILL)
        each.wait()


def is_stopped(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def test_all_that_was_started_stands_still_until_this_goes_on(children: list[subprocess.Popen[bytes]]) -> None:
    first, paused = (each.pid for each in children)
    (below,) = psutil.Process(first).children()
    os.kill(paused, signal.SIGSTOP)
    assert eventually(lambda: is_stopped(paused))
    seen: list[list[bool]] = []

    def stop() -> None:
        seen.append([is_stopped(pid) for pid in (first, below.pid, paused)])

    with suspended_together(lambda: [first, paused], stop):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTSTP)
            assert not is_stopped(first) and not is_stopped(below.pid) and is_stopped(paused)
    assert seen == [[True] * 3] * 2
    assert signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL


def test_where_the_signal_is_ignored_it_stays_so() -> None:
    signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    try:
        with suspended_together(list):
            assert signal.getsignal(signal.SIGTSTP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)


def test_a_sweep_on_a_terminal_that_is_suspended_loads_nothing_and_goes_on(tmp_path: Path) -> None:
    arguments = ["sweep", *TINY, "--repeats", "10", "--quiet", "--out", str(tmp_path / "run")]
    command = [sys.executable, "-c", SHELL, sys.executable, "-m", "colocate", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True) as shell:
        assert shell.stdout is not None
        sweep = psutil.Process(int(shell.stdout.readline()))

        def tasks() -> list[psutil.Process]:
            found = []
            for each in sweep.children():
                # It may end while it is looked at.
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += [each] if "cpu_workloads" in " ".join(each.cmdline()) else []
            return found

        # Every child is up once the run's file is there. One that is just being started is idle.
        assert eventually((tmp_path / "run/run.sqlite").exists)
        sweep.send_signal(signal.SIGTSTP)
        assert eventually(lambda: is_stopped(sweep.pid))
        assert all(is_stopped(each.pid) for each in tasks())
        sweep.send_signal(signal.SIGCONT)
        said = shell.stdout.read()
    assert shell.returncode == 0 and "Wrote" in said
