"""Pausing and resuming all that runs in a seat: by the freezer of its cgroup (v2 or v1), else by signals.

A paused child cannot answer, so it must be resumed before it is sent a command and before it is closed. If this
process dies, nothing stays paused: the kernel kills or resumes the children (`Child`), and the cgroups are removed
with all processes in them (`colocate/host/cpus/groups.py`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from colocate.host.cpus.activity import trees
from colocate.host.cpus.cpuset import Seat
from colocate.host.cpus.groups import FREEZE, FREEZER_STATE
from colocate.host.processes.child import Child
from colocate.host.processes.signals import deferred

# A task of a tiny weight has to run once more to notice, which takes up to a second on a busy CPU.
PAUSE_TIMEOUT_S = 0.5
# Between looks whether all stand still. Pausing takes some 0.3 ms.
_LOOK_AGAIN_S = 0.0002
_PROC = Path("/proc")
# The state in /proc/PID/stat (proc(5)), and the states that count as stopped: `T` and `t` are stopped, `Z`, `X` and
# `x` have ended. A thread in `D` stops before it runs again, like a shell that waits for a command that is stopped.
_STATE_COLUMN, _STILL = 0, frozenset("TtDZXx")


class Pause(Protocol):
    """A way to pause what runs in one seat."""

    def ask(self) -> None:
        """Ask every process in the seat to stop running, and do not wait until they do."""

    def is_still(self) -> bool:
        """Return whether every process in the seat has stopped."""

    def resume(self) -> None:
        """Let the processes go on; nothing happens if they are not paused."""


@dataclass(frozen=True, slots=True)
class FreezerV2:
    """The freezer of a cgroup v2."""

    group: Path

    def ask(self) -> None:
        """See `Pause.ask`."""
        (self.group / FREEZE).write_text("1")

    def is_still(self) -> bool:
        """See `Pause.is_still`. The kernel says `frozen 1` once all processes of the group are frozen."""
        return "frozen 1" in (self.group / "cgroup.events").read_text().splitlines()

    def resume(self) -> None:
        """See `Pause.resume`."""
        (self.group / FREEZE).write_text("0")


@dataclass(frozen=True, slots=True)
class FreezerV1:
    """The freezer of a cgroup v1."""

    group: Path

    def ask(self) -> None:
        """See `Pause.ask`."""
        (self.group / FREEZER_STATE).write_text("FROZEN")

    def is_still(self) -> bool:
        """See `Pause.is_still`. While the state is FREEZING, this asks again: a child forked meanwhile may not be
        frozen (the kernel's Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst).
        """
        if (self.group / FREEZER_STATE).read_text().strip() == "FROZEN":
            return True
        self.ask()
        return False

    def resume(self) -> None:
        """See `Pause.resume`."""
        (self.group / FREEZER_STATE).write_text("THAWED")


@dataclass(frozen=True, slots=True)
class StopSignals:
    """Pauses these processes and all their descendants with SIGSTOP, and resumes them with SIGCONT."""

    pids: tuple[int, ...]

    def ask(self) -> None:
        """See `Pause.ask`."""
        self._send(signal.SIGSTOP)

    def is_still(self) -> bool:
        """See `Pause.is_still`. This also stops processes that were started since, whose parents have stopped by
        now.
        """
        moving = moving_of(self.pids)
        for pid in moving:
            _send(pid, signal.SIGSTOP)
        return not moving

    def resume(self) -> None:
        """See `Pause.resume`."""
        self._send(signal.SIGCONT)

    def _send(self, signum: signal.Signals) -> None:
        for pid in _all_of(self.pids):
            _send(pid, signum)


def moving_of(pids: Collection[int]) -> list[int]:
    """Return processes among these and their descendants that have not stopped; empty if all have."""
    seen = set[int]()
    # A process that was starting another when it stopped has a child that an earlier look could not find.
    while new := _all_of(pids) - seen:
        if moving := [pid for pid in new if not _STILL.issuperset(_states(pid))]:
            return moving
        seen |= new
    return []


@dataclass(frozen=True, slots=True)
class Together:
    """Pauses the tasks of a mix, each in its own seat."""

    pauses: Sequence[Pause]

    def ask(self) -> None:
        """See `Pause.ask`."""
        for pause in self.pauses:
            pause.ask()

    def is_still(self) -> bool:
        """See `Pause.is_still`. Every pause is checked, even after one that is not still, because some ask again when
        checked.
        """
        still = [pause.is_still() for pause in self.pauses]
        return all(still)

    def resume(self) -> None:
        """See `Pause.resume`."""
        resume_all(self.pauses)


def _all_of(pids: Collection[int]) -> set[int]:
    """Return these processes and all their descendants."""
    # If the kernel lists children, the rest of /proc need not be read.
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        return set(trees(pids))
    left, found = set(pids), set[int]()
    while left:
        found |= left
        left = {child for pid in left for child in _children(pid)} - found
    return found


def _children(pid: int) -> Iterator[int]:
    # While some of them end the kernel may leave others out; once their parent stands still it names all.
    for listed in _of_threads(pid, "children"):
        yield from map(int, listed.split())


def _send(pid: int, signum: signal.Signals) -> None:
    # Ended meanwhile, or another user's: then it does not stand still, and the window says so.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signum)


def _states(pid: int) -> Iterator[str]:
    """Yield the state of each thread of a process."""
    for stat in _of_threads(pid, "stat"):
        yield stat.rpartition(")")[2].split()[_STATE_COLUMN]


def _of_threads(pid: int, file: str) -> list[str]:
    """Return the text of a file of each thread of a process, without threads that have ended meanwhile."""
    found = []
    with contextlib.suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with contextlib.suppress(OSError):
                found.append((thread / file).read_text(errors="replace"))
    return found


def pause_of(seat: Seat, children: Sequence[Child]) -> Pause:
    """Return the best way to pause `children`, which run in `seat`."""
    for group in seat.groups:
        if (group / FREEZE).exists():
            return FreezerV2(group)
        if (group / FREEZER_STATE).exists():
            return FreezerV1(group)
    return StopSignals(tuple(child.pid for child in children))


def stands_still(pause: Pause, timeout_s: float = PAUSE_TIMEOUT_S) -> bool:
    """Wait until all that was asked to stop has stopped. Return whether that took at most `timeout_s` seconds."""
    deadline_s = time.monotonic() + timeout_s
    while not pause.is_still():
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(_LOOK_AGAIN_S)
    return True


@contextlib.contextmanager
def resumed_after(*pauses: Pause) -> Iterator[None]:
    """Inside, processes may be paused. However the block ends, they are resumed."""
    try:
        yield
    finally:
        with deferred():
            resume_all(pauses)


def resume_all(pauses: Sequence[Pause]) -> None:
    """Resume each, even if resuming another one fails."""
    with contextlib.ExitStack() as stack:
        for pause in pauses:
            stack.callback(pause.resume)


def median_switch_s(pauses: Sequence[Pause], switches: int, clock: Callable[[], float] = time.monotonic) -> float:
    """Return how long pausing takes in seconds: the median of `switches` attempts, by turns with each of `pauses`. An
    attempt that takes too long counts as `PAUSE_TIMEOUT_S`.
    """
    took_s = []
    with resumed_after(*pauses):
        for number in range(switches):
            pause = pauses[number % len(pauses)]
            began_s = clock()
            pause.ask()
            stands_still(pause)
            took_s.append(clock() - began_s)
            pause.resume()
    return sorted(took_s)[len(took_s) // 2]
