"""Ctrl-Z: while this process is suspended, the processes that it started are stopped too; they go on when it does.

Its children are in sessions of their own, so the terminal's signal reaches this process alone. A task that ran on
would load a machine that its user wants back.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from types import FrameType

from colocate.host.processes.pausing import StopSignals, moving_of, stands_still


@contextlib.contextmanager
def suspended_together(
    pids: Callable[[], Collection[int]], stop: Callable[[], None] = lambda: os.kill(os.getpid(), signal.SIGTSTP)
) -> Iterator[None]:
    """Inside, SIGTSTP stops the processes that `pids` returns and all their descendants, and then this process by
    `stop`. When this process goes on, so do they. Processes that a window had paused before stay stopped.

    Nothing changes if SIGTSTP is ignored or has another handler, or outside the main thread, which alone receives
    signals.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return

    def suspend(_signum: int, _frame: FrameType | None) -> None:
        moving = StopSignals(tuple(moving_of(pids())))
        moving.ask()
        stands_still(moving)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            stop()
        finally:
            signal.signal(signal.SIGTSTP, suspend)
            moving.resume()

    signal.signal(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
