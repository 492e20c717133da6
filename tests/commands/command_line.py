"""The command line as a user meets it, in this process or in one of its own, and small studies for it."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from matplotlib.figure import Figure

from colocate.cli import run
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Header, Run
from tests.store.editing import edited

# Few windows of known number; a sweep as a user starts it is in test_sweep_alternating.py.
STEADY = ("--design", "steady")
# On this machine, without any file or runtime: a network that spins.
TINY = (
    *STEADY,
    "--backend", "synthetic", "--networks", "spin-1ms", "--stressors", "bitcount", "--placement", "shared",
    "--repeats", "2", "--window", "0.1", "--warmup", "0.02", "--settle", "0",
)  # fmt: skip
# In virtual time.
MODEL = (
    *STEADY,
    "--rig", "tx1-model", "--networks", "alexnet", "--stressors", "bitcount,jpeg", "--cpu-clocks", "high",
    "--gpu-clocks", "low,high", "--window", "0.5", "--quiet",
)  # fmt: skip

# The main program, with a signal in the trial of that number.
_INTERRUPTED = """
import os, sys
from colocate.__main__ import main
from colocate.rigs.host.rig import HostRig
run, left, signum = HostRig.run, int(sys.argv.pop(1)), int(sys.argv.pop(1))
def interrupted(rig, trial):
    global left
    record = run(rig, trial)
    left -= 1
    if not left:
        os.kill(os.getpid(), signum)
    return record
HostRig.run = interrupted
main()
"""


@dataclass(frozen=True, slots=True)
class Done:
    """What a command line came to."""

    returncode: int
    stdout: str
    stderr: str


def colocate(
    *arguments: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, pictures: bool = False
) -> Done:
    """Run `colocate` with these arguments in this process, which has imported everything once; with more in its
    environment where `env` says so, and in the folder `cwd`. Figures are laid out, but without `pictures` their
    files stay empty: to render them takes longer than all else.
    """
    stdout, stderr, former = io.StringIO(), io.StringIO(), Path.cwd()
    with contextlib.ExitStack() as stack:
        stack.enter_context(redirect_stdout(stdout))
        stack.enter_context(redirect_stderr(stderr))
        stack.enter_context(patch.dict(os.environ, env or {}))
        if not pictures:
            stack.enter_context(patch.object(Figure, "savefig", _leave_empty))
        os.chdir(cwd or former)
        try:
            code = run([*map(str, arguments)])
        finally:
            os.chdir(former)
    return Done(code, stdout.getvalue(), stderr.getvalue())


def _leave_empty(figure: Figure, file: io.BytesIO, **how: object) -> None: ...


def in_own_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m colocate` with these arguments."""
    return _in_process([sys.executable, "-m", "colocate", *map(str, arguments)])


def interrupted(
    trial: int, *arguments: str | Path, signum: signal.Signals = signal.SIGINT
) -> subprocess.CompletedProcess[str]:
    """Run it likewise, with a signal before the trial of that number on this machine (1, 2, ...) is on the disk."""
    return _in_process([sys.executable, "-c", _INTERRUPTED, str(trial), str(int(signum)), *map(str, arguments)])


def _in_process(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)


def refused(code: int, said: str, command: str, *arguments: str | Path) -> None:
    """Assert that it ends with this code and one line on stderr, which holds what is `said`."""
    done = colocate(command, *arguments)
    assert done.returncode == code, done
    assert said in done.stderr
    assert done.stderr.startswith("colocate: ")
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""


def header_of(folder: Path) -> Header:
    """What the run in that folder is."""
    with Run.read(folder) as stored:
        return stored.header()


def trial_ids(folder: Path) -> set[str]:
    """The trials that gave numbers."""
    with Run.read(folder) as stored:
        return stored.done()


def lose(run: Path, which: str) -> None:
    """Take the trials for which the SQL condition holds out of the run, as if a kill had come before them."""
    with edited(run) as connection:
        connection.execute(f"DELETE FROM trial WHERE {which}")


def copy_of(run: Path, folder: Path) -> Path:
    """The run, with all its files, under its own name in another folder: to be changed."""
    return shutil.copytree(run, folder / run.name)


def files_of(run: Path) -> dict[str, bytes]:
    """All that a report writes, by its path in the run."""
    found = {path for path in run.rglob("*") if path.is_file() and not path.name.startswith(FILE_NAME)}
    return {str(path.relative_to(run)): path.read_bytes() for path in found}
