"""SIGINT, SIGTERM and SIGHUP as one exception, raised once, and never in the middle of putting things back."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import NoReturn

from colocate.errors import ColocateError, Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# How often it is looked whether an interruption is still on its way out.
_LOOK_S = 0.05
# A signal that arrived inside `deferred`, how many of those are open, and the signal that was raised.
_pending: int | None = None
_deferred = 0
_raised: int | None = None


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first stopping signal raises `Interrupted` in the main thread and later ones are ignored:
    what follows is the way out and must not be cut short. Where something swallows it, it is raised again.

    A signal that was ignored on entry stays ignored (nohup). The former handlers come back, except after an
    interruption: then the process is ending, and impatient signals must not break that either.
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
        # A module in C that is being imported prints what it then makes an ImportError of.
        if not issubclass(kind, Interrupted):
            former_show(kind, error, traceback)

    def show_lost(lost: sys.UnraisableHookArgs) -> None:
        # Python drops what is raised in a callback of its own, of which each import has one.
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
        # Swallowed so late that the timer has not looked since.
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
    """Raise an interruption again that somebody swallowed, as modules in C and Python's own callbacks do."""
    if _raised is not None and not _deferred and not _on_its_way(sys.exc_info()[1]):
        raise Interrupted(_raised)


def _on_its_way(error: BaseException | None) -> bool:
    """Whether what is handled now, in any frame, is an interruption or came of one."""
    while error is not None and not isinstance(error, Interrupted):
        error = error.__cause__ or error.__context__
    return error is not None


@contextlib.contextmanager
def undisguised() -> Iterator[None]:
    """Inside, an `Interrupted` that came out as another error is raised as itself: a module in C that is being
    imported makes an ImportError of it, at times without naming its cause. The project's own errors stay: one on the
    way out, as of a knob that could not be put back, matters more.
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
    """Inside, a stopping signal waits; it raises `Interrupted` when the outermost of these ends."""
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
    """An exit stack on whose way out a stopping signal waits: what was entered is left to the end."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> bool:
        """See `deferred`."""
        with deferred():
            return bool(super().__exit__(kind, error, traceback))
