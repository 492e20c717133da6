"""Run work on a file in a child process with limits of memory and CPU time.

If C code hangs on a malformed file or fills the memory, only the child ends. A signal ends the command at once,
although Python runs no signal handler while such code runs.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

from colocate.errors import ColocateError, SpecError
from colocate.forked import Forked

_T = TypeVar("_T")

# What a file may take whatever its size: for the code that reads it, and for copies of what is in it.
MEMORY_BYTES, CPU_S = 512 << 20, 5
# What the size of a file adds: its content is in memory several times, and the SD card of a board is slow.
_MEMORY_PER_BYTE, _BYTES_PER_S = 8, 4_000_000
_LOOK_S = 0.2
# Limit of elapsed time, as a multiple of that of CPU time: no CPU time passes while a disk does not answer.
_PATIENCE = 20
_CHUNK_BYTES = 1 << 20
_OUT_OF_MEMORY = 77


def bounded(
    work: Callable[[], _T], what: str, size_bytes: int = 0, memory_bytes: int = MEMORY_BYTES, cpu_s: int = CPU_S
) -> _T:
    """Run `work` in a child process and return its result.

    `what` names the file in messages. The child may use `memory_bytes` of memory and `cpu_s` seconds of CPU time, and
    more in proportion to the file's `size_bytes`.

    Raises the ColocateError that `work` raises, and SpecError if the child exceeds a limit, crashes or gives no
    answer.
    """
    memory_bytes += _MEMORY_PER_BYTE * size_bytes
    cpu_s += size_bytes // _BYTES_PER_S
    with os.fdopen(os.memfd_create("said"), "rb") as said:

        def limited() -> bytes:
            _limit(said.fileno(), memory_bytes, cpu_s)
            return _answer(work)

        with contextlib.closing(Forked(limited)) as child:
            answer = _read(child, what, _PATIENCE * cpu_s)
            status = child.fate()
        if status != 0:
            last = os.pread(said.fileno(), _CHUNK_BYTES, 0).decode(errors="replace").strip().rpartition("\n")[2]
            raise SpecError(f"{what} {_words(status, memory_bytes, cpu_s, last)}")
    succeeded, result = pickle.loads(answer)
    if not succeeded:
        raise result
    found: _T = result
    return found


def _words(status: int, memory_bytes: int, cpu_s: int, last: str) -> str:
    """Say why the child has no answer; `last` is the last line that it printed."""
    if status == -signal.SIGXCPU:
        return f"takes more than {cpu_s} s of CPU time to read; make it smaller or simpler"
    if status == _OUT_OF_MEMORY or "bad_alloc" in last:
        return f"takes more than {memory_bytes >> 20} MiB of memory to read; make it smaller or simpler"
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return f"ends its reader ({how}): {last or 'it said nothing'}"


def _limit(saying: int, memory_bytes: int, cpu_s: int) -> None:
    """In the child: redirect stdout and stderr to the descriptor `saying`, and limit further memory and CPU time."""
    for descriptor in (1, 2):
        os.dup2(saying, descriptor)
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - the parent may stand inside pathlib
        used_bytes = int(statm.read().split()[0]) * resource.getpagesize()
    for limit, most in (
        (resource.RLIMIT_AS, used_bytes + memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(limit)[1]
        resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _answer(work: Callable[[], object]) -> bytes:
    """In the child: do the work, and return its result or its ColocateError, pickled."""
    try:
        try:
            return pickle.dumps((True, work()))
        except ColocateError as error:
            # The traceback is dropped: some libraries make pickle include it, however deep it is.
            error.__traceback__ = error.__cause__ = error.__context__ = None
            return pickle.dumps((False, error))
    except MemoryError:
        raise SystemExit(_OUT_OF_MEMORY) from None
    except Exception:
        # Code in C raises what it likes. The parent names the last line of it; nothing else leaves this process.
        os.write(2, traceback.format_exc().encode(errors="replace"))
        raise


def _read(child: Forked, what: str, wait_s: float) -> bytes:
    """Return all bytes that the child writes until it closes its end of the pipe.

    Waits in short steps, because a signal that arrives just before a wait does not end it. Raises SpecError after
    `wait_s` seconds.
    """
    parts, until_s = [b""], time.monotonic() + wait_s
    while True:
        if not select.select([child], [], [], _LOOK_S)[0]:
            if time.monotonic() > until_s:
                raise SpecError(
                    f"{what} is not read within {wait_s:g} s: its disk gives no answer, or the machine is busy"
                )
            continue
        part = os.read(child.fileno(), _CHUNK_BYTES)
        if not part:
            return b"".join(parts)
        parts.append(part)
