"""Work that another process does meanwhile: most of the time of a report goes into drawing."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
from collections.abc import Callable
from typing import NoReturn

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Aside:
    """The bytes that `work` returns, from a child that knows all that its parent knew when it began.

    The work must wait for no other thread and change nothing outside of itself.
    """

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._work = work
        reading, writing = os.pipe()
        # No signal between a fork and the child's own handlers.
        former = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            self._pid: int | None = os.fork()
            if self._pid == 0:
                os.close(reading)
                _serve(work, writing)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, former)
        os.close(writing)
        self._said = os.fdopen(reading, "rb")

    def result(self) -> bytes:
        """The bytes, waited for. Those of a child that did not get to its end are made here, and so errors show."""
        found = self._said.read()
        return found if self._reaped() == 0 else self._work()

    def close(self) -> None:
        """End the child if it is still at work."""
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            self._reaped()

    def _reaped(self) -> int:
        assert self._pid is not None, "asked for once"
        self._said.close()
        status = os.waitpid(self._pid, 0)[1]
        self._pid = None
        return status


def _serve(work: Callable[[], bytes], writing: int) -> NoReturn:
    """In the child: do it, answer, and end without what the parent would do at its end."""
    status = 1
    try:
        # What the parent left unused may wait, when it is destroyed, for threads that did not come along.
        gc.freeze()
        for each in _STOPPING:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        # The parent does failed work again, and says what is wrong.
        with contextlib.suppress(Exception):
            left = memoryview(work())
            while left:
                left = left[os.write(writing, left) :]
            status = 0
    finally:
        os._exit(status)
