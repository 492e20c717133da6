"""The process of another rank."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from colocate.training.meeting import opened
from tests.training.requests import request

ROOT = Path(__file__).parents[2]


def started(text: str, rank: int, port: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "colocate.training.rank", text, str(rank), str(port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def test_what_it_cannot_do_is_its_last_line() -> None:
    asked = request("torch.nn:Linear", "synthetic", ranks=2)
    place = opened(asked)
    process = started(asked.to_json(), 1, place.port)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("torch.nn:Linear cannot be made: ")


def test_it_dies_with_rank_0_even_while_it_waits_for_another(tmp_path: Path) -> None:
    """A rank that waits in vain does not read its input: the kernel ends it."""
    asked = request(ranks=2)
    place = opened(asked)
    middle = f"""
import subprocess, sys, time
command = [sys.executable, "-m", "colocate.training.rank", {asked.to_json()!r}, "1", "{place.port}"]
process = subprocess.Popen(command, stdin=subprocess.PIPE)
print(process.pid, flush=True)
time.sleep(600)
"""
    rank_0 = subprocess.Popen([sys.executable, "-c", middle], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert rank_0.stdout is not None
    pid = int(rank_0.stdout.readline())
    time.sleep(1)
    rank_0.kill()
    rank_0.wait()
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    pytest.fail("it lives on")
