"""A sweep that somebody stops for a while: the window is measured again, and has a warning if that happens twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from colocate.model.quality import QualityFlag
from colocate.store.run_file import Run
from tests.commands.command_line import TINY

# The main program, which is stopped in its first windows, so many times, for far longer than a window lasts.
STOPPED = """
import os, signal, subprocess, sys
from colocate.__main__ import main
from colocate.rigs.host.monitor import Monitor
window, left = Monitor.window, int(sys.argv.pop(1))
def stopped(*arguments):
    global left
    if left:
        left -= 1
        subprocess.Popen(["sh", "-c", f"sleep 3; kill -CONT {os.getpid()}"])
        os.kill(os.getpid(), signal.SIGSTOP)
    window(*arguments)
Monitor.window = stopped
main()
"""


@pytest.mark.parametrize(("stops", "warned"), [(1, 0), (2, 1)])
def test_a_window_in_which_colocate_was_stopped_is_measured_again(stops: int, warned: int, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = ["sweep", *TINY, "--repeats", "1", "--quiet", "--out", str(out)]
    subprocess.run([sys.executable, "-c", STOPPED, str(stops), *arguments], check=True, capture_output=True)
    with Run.read(out) as stored:
        held_up = [QualityFlag.HELD_UP in record.warnings for record in stored.records()]
    # A busy machine may hold up another window by itself.
    assert held_up[0] is bool(warned) or sum(held_up) > warned
