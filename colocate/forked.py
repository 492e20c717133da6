"""Do work in a forked child. It begins with a copy of its parent's memory and sends bytes back through a pipe."""

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
    """A child process that does `work` and ends with its parent.

    `work` returns bytes, or several parts of bytes; each part can be read from `said` at once. `work` may raise
    SystemExit with a status. `work` must not wait for another thread, because the child has only one.
    """

    def __init__(self, work: Work) -> None:
        self.said, writing = map(os.fdopen, os.pipe(), ("rb", "wb"))
        parent = os.getpid()
        self._pid: int | None = None
        try:
            with writing, _undisturbed():
                self._pid = os.fork()
                if self._pid == 0:
                    _serve(work, writing.fileno(), parent)
        except BaseException:
            # A signal that was held back is heard here, and nobody else knows the child.
            self.close()
            raise

    def fileno(self) -> int:
        """The descriptor of the pipe, for `select`."""
        return self.said.fileno()

    def read(self) -> bytes:
        """Wait for all bytes that the work returns. If the child is killed, return those that it had written."""
        content: bytes = self.said.read()
        return content

    def fate(self) -> int:
        """Wait for the child to end. Returns its exit status, or -N if signal N ended it."""
        assert self._pid is not None, "closed already"
        # `close` reaps the child: until then no other process can get its number.
        end = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOWAIT)
        assert end is not None, "it is waited for"
        return end.si_status if end.si_code == os.CLD_EXITED else -end.si_status

    def close(self) -> None:
        """Kill the child if it is still at work."""
        self.said.close()
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = None


class Meanwhile(Generic[_Done]):
    """Does `work` in a child while this process goes on. The work must change nothing outside itself."""

    def __init__(self, work: Callable[[], _Done]) -> None:
        self._work = work
        self._child = Forked(lambda: pickle.dumps(work()))

    def result(self) -> _Done:
        """Wait for what the work returns. If the child failed, the work is done again here, to raise its error."""
        said = self._child.read()
        if self._child.fate() != 0:
            return self._work()
        done: _Done = pickle.loads(said)
        return done

    def close(self) -> None:
        """See `Forked.close`."""
        self._child.close()


def _serve(work: Work, writing: int, parent: int) -> NoReturn:
    """In the child: do the work, send what it returns, and end without the exit handlers of the parent."""
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
    """Context for a fork, in which signals and garbage collection are held back.

    Signals wait until the child has its own handlers. Garbage collection waits until the child has frozen all objects
    (`gc.freeze`): to destroy one may mean to wait for a thread of the parent, which the child does not have.
    """
    former, collected = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING), gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
