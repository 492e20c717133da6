"""Work in a forked child: it knows all that its parent knew when it began, and its bytes come back through a pipe."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, NoReturn, TypeVar

from colocate.parent import end_with_parent

_Done = TypeVar("_Done")
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Work = Callable[[], bytes | Iterable[bytes]]


class Forked:
    """A child that does `work`, which may end it early by SystemExit with a status. It ends with its parent.

    `said` is what it returned; of several parts it has each as soon as there is one. The work must wait for no other
    thread: none of them is in the child.
    """

    def __init__(self, work: Work) -> None:
        self.said, writing = map(os.fdopen, os.pipe(), ("rb", "wb"))
        parent = os.getpid()
        with writing, _undisturbed():
            self._pid: int | None = os.fork()
            if self._pid == 0:
                _serve(work, writing.fileno(), parent)

    def fileno(self) -> int:
        """The pipe, to wait for."""
        return self.said.fileno()

    def read(self) -> bytes:
        """All bytes that the work returned. Where the child was killed, those that it had written by then."""
        content: bytes = self.said.read()
        return content

    def fate(self) -> int:
        """How the child ended: its exit status, or less than 0 the number of a signal. It is waited for."""
        assert self._pid is not None, "closed already"
        # It stays to be reaped by `close`: until then its number cannot pass to another process.
        end = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        assert end is not None, "it is waited for"
        return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status

    def close(self) -> None:
        """End the child if it is still at work."""
        self.said.close()
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = None


class Meanwhile(Generic[_Done]):
    """What `work` returns, which a child works out from now on. It must change nothing outside of itself."""

    def __init__(self, work: Callable[[], _Done]) -> None:
        self._work = work
        self._child = Forked(lambda: pickle.dumps(work()))

    def result(self) -> _Done:
        """Waits for it. What the child did not bring to its end is done here, and so errors show."""
        said = self._child.read()
        if self._child.fate() != 0:
            return self._work()
        done: _Done = pickle.loads(said)
        return done

    def close(self) -> None:
        """See `Forked.close`."""
        self._child.close()


def _serve(work: Work, writing: int, parent: int) -> NoReturn:
    """In the child: do the work, answer, and end without the exit handlers of the parent."""
    status: object = 1
    try:
        gc.freeze()
        gc.enable()
        for each in _STOPPING:
            signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        end_with_parent(signal.SIGKILL)
        if os.getppid() == parent:
            said = work()
            for part in (said,) if isinstance(said, bytes) else said:
                left = memoryview(part)
                while left:
                    left = left[os.write(writing, left) :]
            status = 0
    except SystemExit as ending:
        status = ending.code
    finally:
        os._exit(status if isinstance(status, int) else 1)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """No signal between a fork and the child's own handlers; and no collection of garbage before the child has frozen
    it: what the parent left unused may wait, when it is destroyed, for threads that did not come along.
    """
    former, collected = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
