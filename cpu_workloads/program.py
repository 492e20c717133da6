"""A program of the user's own, and every process that comes of it: started, awaited, and ended to the last."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

GRACE_S = 0.2
"""Between SIGTERM and SIGKILL: short, because a dead parent's programs must be gone within a second."""

END_S = 2.0
"""How long killed processes may take to go: a write to a slow disk or much memory to free holds them up."""

GONE_S = 0.1
"""What a program started may outlive it by so much: the end of a pipe ends when it has read all."""

_INTERPRETER, _FIRST_LINE_MAX = re.compile(rb"#![ \t]*([^ \t\n\0]+)"), 256
"""What the first line of a script names, as execve(2) reads it."""

_LOOK_AGAIN_S = 0.002
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
"""From linux/prctl.h."""

_LIBC = ctypes.CDLL(None)


class ProgramError(Exception):
    """The program cannot be run; the message is one line for the user."""


def _die_with(parent_pid: int) -> None:
    """In the new process, before it becomes the program: be killed when its parent dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _descendants() -> list[psutil.Process]:
    """Every process that came of this one, be it in another group or session or its parent dead, nearest first."""
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def _kill_descendants() -> None:
    for process in _descendants():
        # Gone already, or another user's: what `sudo` starts may not be killed, and will be reported.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()


def require(program: str, path: str | None = None, directory: str | None = None) -> None:
    """Raise ProgramError unless there is such a program, looked for in `path` or the PATH of this process as a start
    in `directory` does, with the interpreter that its first line names.
    """
    found = shutil.which(program if directory is None or "/" not in program else Path(directory, program), path=path)
    if found is None:
        raise ProgramError(f"cannot start {program!r}: no such program, or it is not executable")
    with contextlib.suppress(OSError), Path(found).open("rb") as file:
        named = _INTERPRETER.match(file.read(_FIRST_LINE_MAX))
        if named and not os.access(named[1], os.X_OK):
            interpreter = os.fsdecode(named[1])
            raise ProgramError(f"cannot start {program!r}: its first line names {interpreter!r}, which cannot be run")


class Ending(NamedTuple):
    """How a program ended: its return code, whether it left processes behind, and those of them that would not go."""

    returncode: int
    deserted: bool
    left: Sequence[psutil.Process]


class Program:
    """Runs `argv`, once or again and again, and ends it with all that came of it.

    It has its process for itself: it becomes the parent of whatever the program leaves behind, daemons included,
    and ends every child it finds. Only what the program asks another service to start is beyond its reach.

    `lock` is held while a process is started or reaped: under it `cpu_s` leaves nobody out and counts nobody twice.
    """

    def __init__(self, argv: Sequence[str], launcher: Sequence[str] = ()) -> None:
        """`launcher` is a command that becomes the one after it, as `env` does.

        Raises ProgramError when there is no such program, or it may not be executed or could escape.
        """
        require(argv[0])
        if _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise ProgramError(f"cannot run {argv[0]!r}: the kernel gives no hold on the daemons it may start")
        self.lock = threading.Lock()
        self._command = [*launcher, *argv]
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._over.set()

    def start(self, check: Callable[[int], object] = lambda pid: None, **options: Any) -> None:
        """Start it in a session of its own; `options` are those of Popen. The caller holds `lock`.

        A thread calls `await_end` next. The one that starts it lives on: the program dies with that. Raises OSError,
        and what `check` raises for the number of the process: then it does not run.
        """
        parent_pid = os.getpid()
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Only the new process itself can ask for it. The other threads sleep in the kernel at the fork.
            preexec_fn=lambda: _die_with(parent_pid),
            **options,
        )
        try:
            check(process.pid)
        except BaseException:
            process.kill()
            process.wait()
            raise
        self._process = process
        self._over.clear()

    @property
    def is_over(self) -> bool:
        """Whether nothing of it runs: it has not been started, or `await_end` has done its work."""
        return self._over.is_set()

    def await_end(self) -> Ending:
        """Sleep until it has ended, then end what it left behind: that would load the machine unseen."""
        process = self._process
        assert process is not None, "it has been started"
        self._await(process.pid)
        with self.lock:
            self._process = None
            process.wait()
        deserted = not self._childless(time.monotonic() + GONE_S)
        left = self._end_descendants(time.monotonic() + END_S) if deserted else ()
        self._over.set()
        return Ending(process.returncode, deserted, left)

    def end(self) -> Sequence[psutil.Process]:
        """End it and every process that came of it, its process group politely first; returns what would not go."""
        self._signal(signal.SIGTERM)
        self._over.wait(GRACE_S)
        deadline_s = time.monotonic() + END_S
        self._signal(signal.SIGKILL)
        while not self._over.is_set():
            _kill_descendants()
            self._over.wait(_LOOK_AGAIN_S)
            if time.monotonic() >= deadline_s:
                return _descendants()
        return self._end_descendants(deadline_s)

    def cpu_s(self) -> float:
        """User and system time of all that came of it, the living and those that were waited for, by whomever.

        The caller holds `lock`.
        """
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        total_s = ended.ru_utime + ended.ru_stime
        for process in _descendants():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total_s += times.user + times.system + times.children_user + times.children_system
        return total_s

    def _end_descendants(self, deadline_s: float) -> Sequence[psutil.Process]:
        """Kill and reap until there is no child, hence no descendant; returns those that live at the deadline.

        One pass is not enough: a process may have a new child between the look and the kill. Orphans come here.
        """
        while not self._childless(0.0):
            if time.monotonic() >= deadline_s:
                return _descendants()
            _kill_descendants()
            time.sleep(_LOOK_AGAIN_S)
        return ()

    def _childless(self, deadline_s: float) -> bool:
        """Reap until there is no child, or until the deadline; whether there is none."""
        while True:
            with self.lock:
                try:
                    while os.waitpid(-1, os.WNOHANG) != (0, 0):
                        pass
                except ChildProcessError:
                    return True
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(_LOOK_AGAIN_S)

    def _signal(self, signum: signal.Signals) -> None:
        # The group's number is ours as long as its leader is not reaped, which needs the lock.
        with self.lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._process is not None:
                os.killpg(self._process.pid, signum)

    def _await(self, pid: int) -> None:
        """Sleep until this child has ended, without reaping it; orphans that end before it are reaped."""
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            assert ended is not None  # only WNOHANG gives None
            if ended.si_pid == pid:
                return
            with self.lock:
                os.waitpid(ended.si_pid, 0)


def end_on_signals(end: Callable[[], object]) -> None:
    """Let the signals that end this process call `end` first."""

    def leave(signum: int) -> None:
        end()
        os._exit(128 + signum)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # In a thread of its own: the interrupted code may hold the lock that `end` needs.
        signal.signal(signum, lambda signum, _: threading.Thread(target=leave, args=(signum,)).start())
