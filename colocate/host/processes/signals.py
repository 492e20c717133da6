"""SIGINT, SIGTERM and SIGHUP as one exception, `Interrupted`, which is never raised while settings are being
restored.
"""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import NoReturn

from colocate.errors import ColocateError, Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# How often a timer looks whether an interruption was swallowed, in s.
_LOOK_S = 0.05
# A signal that arrived inside `deferred`, how many of those are open, and the signal that was raised.
_pending: int | None = None
_deferred = 0
_raised: int | None = None


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first stopping signal raises `Interrupted` in the main thread. Later ones are ignored, because the
    cleanup that follows must not be cut short. If other code swallows the exception, it is raised again.

    A signal that was ignored on entry stays ignored (nohup). Afterwards the former handlers come back, except after
    an interruption, when the process is ending.
    """
    global _raised

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        global _pending
        for each in former:
            signal.signal(each, signal.SIG_IGN)
        if _deferred:
            _pending = signum
        else:
            _begin_way_out(signum)

    def show(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        # A C module that is being imported prints an exception before it turns it into an ImportError.
        if not issubclass(kind, Interrupted):
            former_show(kind, error, traceback)

    def show_lost(lost: sys.UnraisableHookArgs) -> None:
        # Python drops exceptions that are raised in its own callbacks, and each import has one.
        if not isinstance(lost.exc_value, Interrupted):
            former_show_lost(lost)

    _raised = None
    former_show, sys.excepthook = sys.excepthook, show
    former_show_lost, sys.unraisablehook = sys.unraisablehook, show_lost
    former_alarm = signal.signal(signal.SIGALRM, _insist)
    former = {s: handler for s in STOPPING if (handler := signal.getsignal(s)) is not signal.SIG_IGN}
    for each in former:
        signal.signal(each, interrupt)
    interrupted = False
    try:
        yield
        # It was swallowed after the timer's last look.
        if _raised is not None:
            raise Interrupted(_raised)
    except Interrupted:
        interrupted = True
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former_alarm)
        sys.excepthook, sys.unraisablehook = former_show, former_show_lost
        if not interrupted:
            for each, handler in former.items():
                signal.signal(each, handler)


def _begin_way_out(signum: int) -> NoReturn:
    global _raised
    _raised = signum
    signal.setitimer(signal.ITIMER_REAL, _LOOK_S, _LOOK_S)
    raise Interrupted(signum)


def _insist(_signum: int, _frame: FrameType | None) -> None:
    """Raise an interruption again if other code swallowed it, as C modules and Python's own callbacks do."""
    if _raised is not None and not _deferred and not _on_its_way(sys.exc_info()[1]):
        raise Interrupted(_raised)


def _on_its_way(error: BaseException | None) -> bool:
    """Return whether the exception that is handled now, in any frame, is an interruption or was caused by one."""
    while error is not None and not isinstance(error, Interrupted):
        error = error.__cause__ or error.__context__
    return error is not None


@contextlib.contextmanager
def undisguised() -> Iterator[None]:
    """Inside, an `Interrupted` that was turned into another exception is raised as itself. A C module that is being
    imported turns it into an ImportError, at times without naming the cause.

    The project's own errors pass unchanged: that a setting could not be restored matters more.
    """
    try:
        yield
    except ColocateError:
        raise
    except Exception:
        if _raised is None:
            raise
        raise Interrupted(_raised) from None


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Inside, a stopping signal waits. It raises `Interrupted` when the outermost of these blocks ends."""
    global _pending, _deferred
    _deferred += 1
    try:
        yield
    finally:
        _deferred -= 1
        if not _deferred and _pending is not None:
            signum, _pending = _pending, None
            _begin_way_out(signum)


class UnbrokenExit(contextlib.ExitStack):
    """An exit stack that lets a stopping signal wait while it exits, so that every context in it is left
    completely.
    """

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> bool:
        """See `deferred`."""
        with deferred():
            return bool(super().__exit__(kind, error, traceback))
