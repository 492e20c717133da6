"""SIGINT, SIGTERM and SIGHUP as one exception, raised once, and never in the middle of putting things back."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from colocate.errors import ColocateError, Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A signal that arrived inside `deferred`; and how many of those are open.
_pending: int | None = None
_deferred = 0


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first stopping signal raises `Interrupted` in the main thread and later ones are ignored:
    what follows is the way out and must not be cut short.

    A signal that was ignored on entry stays ignored (nohup). The former handlers come back, except after an
    interruption: then the process is ending, and impatient signals must not break that either.
    """

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        global _pending
        for each in former:
            signal.signal(each, signal.SIG_IGN)
        if _deferred:
            _pending = signum
        else:
            raise Interrupted(signum)

    former = {s: handler for s in STOPPING if (handler := signal.getsignal(s)) is not signal.SIG_IGN}
    for each in former:
        signal.signal(each, interrupt)
    interrupted = False
    try:
        yield
    except Interrupted:
        interrupted = True
        raise
    finally:
        if not interrupted:
            for each, handler in former.items():
                signal.signal(each, handler)


@contextlib.contextmanager
def undisguised() -> Iterator[None]:
    """Inside, an `Interrupted` that came out as another error is raised as itself: a module in C that is being
    imported makes an ImportError of it. The project's own errors stay: one on the way out, as of a knob that could
    not be put back, matters more.
    """
    try:
        yield
    except ColocateError:
        raise
    except Exception as error:
        behind: BaseException | None = error
        while behind is not None and not isinstance(behind, Interrupted):
            behind = behind.__cause__ or behind.__context__
        if behind is None:
            raise
        raise behind from None


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
            raise Interrupted(signum)
