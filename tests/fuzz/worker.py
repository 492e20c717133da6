"""The process that tries inputs one after another. It is forked with everything imported, and killed when stuck."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from colocate.cli import run as command_line
from colocate.errors import ColocateError
from colocate.parent import end_with_parent
from tests.fuzz import kinds, memory
from tests.fuzz.inputs import Finding, Input, Outcome

LINES_MAX = 3
_TAIL = 2000
_TRACEBACK = "Traceback (most recent call last)"


def serve(jobs: Connection, group: Path | None) -> None:
    """Answer each (kind, seed, number) with a Finding until there is no more."""
    memory.enter(group)
    # It has a session of its own: nothing else ends it with a campaign that is killed.
    end_with_parent(signal.SIGKILL)
    # Those of who forked this process may write elsewhere.
    sys.stdout, sys.stderr = (open(number, "w", errors="backslashreplace", closefd=False) for number in (1, 2))  # noqa: SIM115
    while (job := jobs.recv()) is not None:
        jobs.send(tried(*job))


def made(kind: str, seed: int, number: int) -> Input:
    """The input of that number: the same whenever it is asked for."""
    return kinds.generator(kind)(random.Random(f"{kind} {seed} {number}"))


def tried(kind: str, seed: int, number: int) -> Finding:
    """What comes of one input, in a folder of its own."""
    given, here, began_s = made(kind, seed, number), Path.cwd(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="colocate-fuzz-") as name, _captured() as said:
        folder = Path(name)
        for path, content in given.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        os.chdir(folder)
        try:
            code = _run(given, folder)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            traceback.print_exc()
            code = 1
        finally:
            os.chdir(here)
        text = said()
    return Finding(kind, number, _outcome(given, code, text), code, text[-_TAIL:], time.monotonic() - began_s)


def _run(given: Input, folder: Path) -> int:
    try:
        return command_line(given.arguments) if given.run is None else given.run(folder)
    except SystemExit as ending:
        # As of --help.
        return ending.code if isinstance(ending.code, int) else 1
    except ColocateError as error:
        print(f"colocate: {error}", file=sys.stderr)
        return error.exit_code


def _outcome(given: Input, code: int, said: str) -> Outcome:
    if _TRACEBACK in said:
        return Outcome.TRACEBACK
    # 1 is an answer, too: nothing is safe, or something got worse.
    if code in (0, 1):
        return Outcome.WRONG if given.wrong else Outcome.ACCEPTED
    return Outcome.LONG if len(said.splitlines()) > LINES_MAX else Outcome.REFUSED


@contextlib.contextmanager
def _captured() -> Iterator[Callable[[], str]]:
    """Inside, this process and all that it starts write to files; gives what they said on stderr."""
    stdout, stderr = os.memfd_create("stdout"), os.memfd_create("stderr")
    former = os.dup(1), os.dup(2)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)

    def said() -> str:
        sys.stderr.flush()
        return os.pread(stderr, os.fstat(stderr).st_size, 0).decode(errors="replace")

    try:
        yield said
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(former[0], 1)
        os.dup2(former[1], 2)
        for descriptor in (stdout, stderr, *former):
            os.close(descriptor)
