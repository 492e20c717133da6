"""Work on what others made, in a child with limits: code in C that hangs on it or fills the memory takes nothing else
with it, and a signal ends the command at once although no handler can run inside that code.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

from colocate.errors import ColocateError, SpecError

_T = TypeVar("_T")

# What any file may take: its reader, and copies of what is in it.
MEMORY_BYTES, CPU_S = 512 << 20, 5
# What its size adds: it lies in memory several times while it is read, and the card of a board is slow.
_MEMORY_PER_BYTE, _BYTES_PER_S = 8, 4_000_000
_LOOK_S = 0.2
# By the clock: CPU time stands still where a disk gives no answer.
_PATIENCE = 20
_CHUNK_BYTES = 1 << 20
_OUT_OF_MEMORY = 77
# Loaded here: the less is left to do after a fork the better.
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def bounded(
    work: Callable[[], _T], what: str, size_bytes: int = 0, memory_bytes: int = MEMORY_BYTES, cpu_s: int = CPU_S
) -> _T:
    """What `work` returns, from a child. `what`, which has `size_bytes`, may take this much memory and CPU time, and
    more by its size.

    Raises what `work` raises of our own errors, and SpecError where it takes too much or crashes.
    """
    memory_bytes += _MEMORY_PER_BYTE * size_bytes
    cpu_s += size_bytes // _BYTES_PER_S
    with contextlib.ExitStack() as stack:
        said = stack.enter_context(os.fdopen(os.memfd_create("said"), "rb"))
        reading, writing = map(os.fdopen, os.pipe(), ("rb", "wb"))
        stack.enter_context(reading)
        with writing, _blocked():
            parent = os.getpid()
            pid = os.fork()
            if pid == 0:
                _serve(work, (writing.fileno(), said.fileno()), parent, memory_bytes, cpu_s)
            stack.callback(_end, pid)
        answer = _read(reading.fileno(), what, _PATIENCE * cpu_s)
        if (status := _fate(pid)) != 0:
            last = os.pread(said.fileno(), _CHUNK_BYTES, 0).decode(errors="replace").strip().rpartition("\n")[2]
            raise SpecError(f"{what} {_words(status, memory_bytes, cpu_s, last)}")
    succeeded, result = pickle.loads(answer)
    if not succeeded:
        raise result
    found: _T = result
    return found


def _words(status: int, memory_bytes: int, cpu_s: int, last: str) -> str:
    """Why the child has no answer; `last` is the last line that it said."""
    if status == -signal.SIGXCPU:
        return f"takes more than {cpu_s} s of CPU time to read; make it smaller or simpler"
    if status == _OUT_OF_MEMORY or "bad_alloc" in last:
        return f"takes more than {memory_bytes >> 20} MiB of memory to read; make it smaller or simpler"
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    return f"ends its reader ({how}): {last or 'it said nothing'}"


def _serve(
    work: Callable[[], object], outputs: tuple[int, int], parent: int, memory_bytes: int, cpu_s: int
) -> NoReturn:
    """In the child: do it, answer, and end without what the parent would do at its end."""
    status = 1
    try:
        answering, saying = outputs
        _prepare(saying, parent, memory_bytes, cpu_s)
        try:
            answer = pickle.dumps((True, work()))
        except ColocateError as error:
            answer = pickle.dumps((False, error))
        left = memoryview(answer)
        while left:
            left = left[os.write(answering, left) :]
        status = 0
    except MemoryError:
        status = _OUT_OF_MEMORY
    except Exception:
        # Code in C raises what it likes. The parent names the last line of it; nothing else leaves this process.
        os.write(2, traceback.format_exc().encode(errors="replace"))
        raise
    finally:
        os._exit(status)


def _prepare(saying: int, parent: int, memory_bytes: int, cpu_s: int) -> None:
    # What the parent left unused may wait, when it is destroyed, for threads that did not come along.
    gc.freeze()
    for each in _STOPPING:
        signal.signal(each, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
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


def _read(descriptor: int, what: str, wait_s: float) -> bytes:
    """All that comes. A signal that arrives just before a call that waits does not end the wait, so none is long."""
    parts, until_s = [b""], time.monotonic() + wait_s
    while True:
        if not select.select([descriptor], [], [], _LOOK_S)[0]:
            if time.monotonic() > until_s:
                raise SpecError(
                    f"{what} is not read within {wait_s:g} s: its disk gives no answer, or the machine is busy"
                )
            continue
        part = os.read(descriptor, _CHUNK_BYTES)
        if not part:
            return b"".join(parts)
        parts.append(part)


def _fate(pid: int) -> int:
    """How the child ended, which stays to be reaped: until then its number cannot pass to another process."""
    end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert end is not None, "it is waited for"
    return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


@contextlib.contextmanager
def _blocked() -> Iterator[None]:
    """No signal between a fork and the child's own handlers."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
