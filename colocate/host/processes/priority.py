"""Real-time priority (SCHED_FIFO) for the thread that launches the network, as long as a window lasts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

from colocate.errors import HostError
from colocate.host.cpus.cpuset import Seat
from colocate.host.processes.child import Child, launcher
from colocate.host.processes.signals import deferred
from colocate.model.machine import Missing

# A launching thread that polls the GPU never sleeps. The thread that listens for `stop` must run all the same, so its
# priority is one step higher; it sleeps until `stop` comes.
LAUNCHING_PRIORITY, LISTENING_PRIORITY = 1, 2
_TRY = f"import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param({LISTENING_PRIORITY}))"
_FIX = (
    "run as root, in a container with --cap-add=SYS_NICE --ulimit rtprio=2, or let the user: `USER - rtprio 2` in "
    "/etc/security/limits.conf"
)


def fifo_missing() -> Missing | None:
    """Return why no thread of this user may have SCHED_FIFO; None if one may. A new thread tries it."""
    refused: list[str] = []

    def attempt() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(LISTENING_PRIORITY))
        except OSError as error:
            refused.append(str(error.strerror))

    trial = threading.Thread(target=attempt)
    trial.start()
    trial.join()
    return Missing(f"SCHED_FIFO is refused ({refused[0]})", _FIX) if refused else None


def check_fifo(seat: Seat) -> None:
    """Raise HostError if processes in `seat` may not have SCHED_FIFO. A process is started there to try it."""
    tried = subprocess.run([*launcher(seat), sys.executable, "-S", "-E", "-c", _TRY], capture_output=True, text=True)
    if tried.returncode != 0:
        said = (tried.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise HostError(f"fifo: SCHED_FIFO is refused ({said}); {_FIX}")


@contextlib.contextmanager
def prioritised(child: Child) -> Iterator[None]:
    """Inside, the threads of `child` that launch and listen have SCHED_FIFO. However the block ends, they get back
    what they had before. Raises HostError if the kernel refuses.
    """
    wanted = {child.pid: LAUNCHING_PRIORITY, int(child.facts["listener"]): LISTENING_PRIORITY}
    former = {thread: (os.sched_getscheduler(thread), os.sched_getparam(thread)) for thread in wanted}
    try:
        for thread, priority in wanted.items():
            _set_fifo(child, thread, priority)
        yield
    finally:
        with deferred():
            for thread, (policy, parameter) in former.items():
                # It may have ended meanwhile.
                with contextlib.suppress(ProcessLookupError):
                    os.sched_setscheduler(thread, policy, parameter)


def _set_fifo(child: Child, thread: int, priority: int) -> None:
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except PermissionError as error:
        raise HostError(f"fifo: SCHED_FIFO is refused for {child.name} ({error.strerror}); {_FIX}") from error
    if (found := _found(thread)) != (os.SCHED_FIFO, priority):
        raise HostError(f"fifo: {child.name} has scheduling policy {found[0]}, priority {found[1]} after it was set")


def _found(thread: int) -> tuple[int, int]:
    """Return the policy and the priority of a thread."""
    return os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority
