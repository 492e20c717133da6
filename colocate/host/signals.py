"""SIGINT, SIGTERM and SIGHUP as one exception, raised once: what follows is the way out and must not be cut short."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

from colocate.errors import Interrupted

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, the first stopping signal raises `Interrupted` in the main thread and later ones are ignored.

    A signal that was ignored on entry stays ignored (nohup); the former handlers come back afterwards.
    """

    def interrupt(signum: int, _frame: FrameType | None) -> None:
        for each in former:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(signum)

    former = {s: handler for s in STOPPING if (handler := signal.getsignal(s)) is not signal.SIG_IGN}
    for each in former:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in former.items():
            signal.signal(each, handler)
