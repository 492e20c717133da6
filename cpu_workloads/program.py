"""Start a user's own program, wait for its end, and end every process that came of it."""

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
"""Seconds between SIGTERM and SIGKILL: few, because a dead parent's programs must be gone within a second."""

END_S = 2.0
"""Seconds that killed processes may take to end: a write to a slow disk or much memory to free delays them."""

GONE_S = 0.1
"""Seconds by which other processes may outlive the program that started them: the last one of a pipeline ends only
when it has read all."""

_INTERPRETER, _FIRST_LINE_MAX = re.compile(rb"#![ \t]*([^ \t\n\0]+)"), 256
"""The interpreter in the first line of a script, as execve(2) reads it, and how many bytes are read for it."""

_LOOK_AGAIN_S = 0.002
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
"""From linux/prctl.h."""

_LIBC = ctypes.CDLL(None)


class ProgramError(Exception):
    """The program cannot be run; the message is one line for the user."""


def _die_with(parent_pid: int) -> None:
    """In the new process, before it becomes the program: have the kernel kill it when its parent dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _descendants() -> list[psutil.Process]:
    """Every process that came of this one, nearest first, even in other groups or sessions or with a dead parent."""
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def _kill_descendants() -> None:
    for process in _descendants():
        # Gone already, or another user's: what `sudo` starts may not be killed, and will be reported.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()


def require(program: str, path: str | None = None, directory: str | None = None) -> None:
    """Raise ProgramError unless `program` and the interpreter that its first line names can be run.

    It is looked for in `path`, by default the PATH of this process. A relative path starts at `directory`.
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
    """How a program ended: its return code, whether it left processes behind, and which of these did not end."""

    returncode: int
    deserted: bool
    left: Sequence[psutil.Process]


class Program:
    """Runs `argv`, once or again and again, and ends it with all that came of it.

    This process must have no other child: it becomes the parent of whatever the program leaves behind, even daemons,
    and ends every child that it finds. Only what another service starts for the program is beyond its reach.

    `lock` is held while a process is started or reaped, so that `cpu_s` counts every process exactly once.
    """

    def __init__(self, argv: Sequence[str], launcher: Sequence[str] = ()) -> None:
        """`launcher` is a command that runs before `argv` and becomes it, as `env` does.

        Raises ProgramError if there is no such program, it may not be executed, or its daemons could escape.
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
        """Start the program in a session of its own; `options` are those of Popen. The caller holds `lock`.

        Some thread must call `await_end` next. The thread that starts the program must live on: the program dies with
        it. Raises OSError, and what `check` raises when called with the process id: then the program is killed.
        """
        parent_pid = os.getpid()
        process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            # Only the new process itself can ask for its death signal. It is safe: at the fork the other threads
            # sleep in the kernel.
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
        """Whether nothing of the program runs: it was not started, or `await_end` has done its work."""
        return self._over.is_set()

    def await_end(self) -> Ending:
        """Sleep until the program has ended, and end what it left behind, which would load the machine unseen."""
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
        """End the program and every process that came of it, first with SIGTERM. Returns those that did not end."""
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
        """User and system time in seconds of all processes that came of the program, whether alive or reaped.

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
        """Kill and reap until there is no child, hence no descendant. Returns those that live at the deadline.

        One pass is not enough: a process may have a new child before it is killed. Orphans become children of this
        one.
        """
        while not self._childless(0.0):
            if time.monotonic() >= deadline_s:
                return _descendants()
            _kill_descendants()
            time.sleep(_LOOK_AGAIN_S)
        return ()

    def _childless(self, deadline_s: float) -> bool:
        """Reap until there is no child, or until the deadline. Returns whether no child is left."""
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
        """Sleep until this child has ended, but do not reap it. Orphans that end before it are reaped."""
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            assert ended is not None  # only WNOHANG gives None
            if ended.si_pid == pid:
                return
            with self.lock:
                os.waitpid(ended.si_pid, 0)


def end_on_signals(end: Callable[[], object]) -> None:
    """Call `end` first when SIGTERM, SIGINT or SIGHUP ends this process."""

    def leave(signum: int) -> None:
        end()
        os._exit(128 + signum)

    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # In a thread of its own: the interrupted code may hold the lock that `end` needs.
        signal.signal(signum, lambda signum, _: threading.Thread(target=leave, args=(signum,)).start())
