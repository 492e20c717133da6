"""A scheduler and boards as processes of their own, on this machine or in network namespaces of it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# On a busy machine a process of Python with Dask takes seconds to come up.
PATIENCE_S = 600.0


def started(
    *command: str, log: Path, before: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A process of Python that writes both its streams to `log`; `before` runs it, as `ip netns exec NAME` does."""
    with log.open("wb") as file:
        return subprocess.Popen(
            [*before, sys.executable, *command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file,
            stderr=subprocess.STDOUT, env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        )  # fmt: skip


def until(found: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> object:
    """What `found` gives once it gives something."""
    ends_s = time.monotonic() + patience_s
    while not (value := found()):
        assert time.monotonic() < ends_s, f"still waiting for {what}"
        time.sleep(0.2)
    return value


@contextlib.contextmanager
def ended(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """Afterwards none of them is left, stopped or not."""
    try:
        yield
    finally:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


@dataclass(frozen=True)
class Running:
    address: str
    process: subprocess.Popen[bytes]


@contextlib.contextmanager
def scheduler(
    folder: Path, *flags: str, host: str = "127.0.0.1", ttl_s: float = 60, before: Sequence[str] = ()
) -> Iterator[Running]:
    """A scheduler that takes boards that are silent for `ttl_s` for gone."""
    log = folder / "scheduler.log"
    process = started(
        "-m", "distributed.cli.dask_scheduler", "--host", host, "--port", "0", "--no-dashboard", *flags, log=log,
        before=before, env={"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{ttl_s}s"},
    )  # fmt: skip
    with ended(process):
        found = until(lambda: re.search(r"Scheduler at:\s+(\S+)", log.read_text()), f"a scheduler: {log.read_text()}")
        assert isinstance(found, re.Match)
        yield Running(found[1], process)


def board(address: str, name: str, folder: Path, *flags: str, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """A board as a user starts it."""
    return started(
        "-m", "colocate", "board", address, "--name", name, *flags, log=folder / f"{name}.log", before=before
    )


def sleeping_board(
    address: str, name: str, folder: Path, seconds: float, *constants: str, before: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """A board on which every window of the model takes so many seconds of real time."""
    return started(
        "-m", "tests.fleet.sleeping_board", address, name, str(seconds), *constants, log=folder / f"{name}.log",
        before=before,
    )  # fmt: skip


def serves(folder: Path, name: str) -> None:
    """Wait until a board is with its scheduler."""
    log = folder / f"{name}.log"
    until(lambda: f"Board {name} serves" in log.read_text(), f"board {name}: {log.read_text()}")
