"""A parent's side of the contract, for tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0


class Child:
    """`python -m cpu_workloads ...` with both ends of the conversation."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cpu_workloads", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def say(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        message: dict[str, Any] = json.loads(self.process.stdout.readline())
        return message

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


@contextmanager
def child(*arguments: str) -> Iterator[Child]:
    started = Child(*arguments)
    with started.process:
        try:
            yield started
        finally:
            started.process.kill()


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold within a deadline far beyond what it takes."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    return False


def counted(stressor: Child, length_s: float = 0.3) -> dict[str, Any]:
    stressor.say("go")
    time.sleep(length_s)
    stressor.say("stop")
    return stressor.hear()


def counted_until(holds: Callable[[dict[str, Any]], bool], stressor: Child) -> dict[str, Any]:
    """The report of the first window that is long enough on this machine; each is twice as long as the one before."""
    reports = (counted(stressor, 0.3 * 2**doubled) for doubled in range(8))
    return next(filter(holds, reports), {})


def is_running(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cpu_workloads", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        timeout=DEADLINE_S,
        check=False,
    )
