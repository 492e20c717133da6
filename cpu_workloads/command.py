"""A program of the user's own as a stressor: run again and again, its completed runs and CPU time counted."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence

import psutil

from cpu_workloads.contract import Control
from cpu_workloads.stressor import Failure, Moment, Report, StressorError, report

STDERR_TAIL_BYTES = 4096
GRACE_S = 0.2
"""Between SIGTERM and SIGKILL: short, because a dead parent's programs must be gone within a second."""

END_S = 2.0
"""How long killed processes may take to go: a write to a slow disk or much memory to free holds them up."""

_LOOK_AGAIN_S = 0.002
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
"""From linux/prctl.h."""

_LIBC = ctypes.CDLL(None)


def _die_with(parent_pid: int) -> None:
    """In the new process, before it becomes the program: be killed when the stressor dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _descendants() -> list[psutil.Process]:
    """Every process that came of this one, be it in another group or session or its parent dead, nearest first."""
    found: list[psutil.Process] = psutil.Process().children(recursive=True)
    return found


def _descendants_cpu_s() -> float:
    """User and system time of all living descendants and of all that were waited for, by whomever."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total_s = ended.ru_utime + ended.ru_stime
    for process in _descendants():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total_s += times.user + times.system + times.children_user + times.children_system
    return total_s


def _kill_descendants() -> None:
    for process in _descendants():
        # Gone already, or another user's: what `sudo` starts may not be killed, and will be reported.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()


class Command:
    """Runs `argv` until stopped. A thread sleeps until a run ends; the caller's thread sleeps too.

    It has its process for itself: it becomes the parent of whatever the task leaves behind, daemons included,
    and ends every child it finds. Only what the task asks another service to start is beyond its reach.
    """

    unit = "runs"

    def __init__(self, argv: Sequence[str]) -> None:
        """Raises StressorError (3) when there is no such program, or it may not be executed or could escape."""
        if shutil.which(argv[0]) is None:
            raise StressorError(f"cannot start {argv[0]!r}: no such program, or it is not executable", 3)
        if _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise StressorError(f"cannot run {argv[0]!r}: the kernel gives no hold on the daemons it may start", 3)
        self._argv = list(argv)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the stressor
        self._lock = threading.Lock()
        self._switch = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._pid: int | None = None
        self._completed = 0
        self._failed: Failure | None = None
        self._begin = (0, Moment(0, 0.0))

    def facts(self) -> Mapping[str, object]:
        """The unit and the program; its footprint is not known."""
        return {"unit": self.unit, "argv": self._argv}

    def measure(self, control: Control) -> Report:
        """Count until the parent's next word; stops the program when that is `stop`. See `count`."""
        self.begin()
        word = control.peek()
        counted = self.count()
        if word == "stop":
            self.stop()
            if self._failed is not None:
                counted["failed"] = self._failed
        return counted

    def begin(self) -> None:
        """Count from zero now; starts the program if it does not run."""
        with self._switch:
            if self._thread is None:
                self._stopping = False
                self._failed = None
                self._thread = threading.Thread(target=self._repeat, daemon=True)
                self._thread.start()
        self._begin = self._now()

    def wait(self, timeout_s: float) -> None:
        """Sleep so long, or until a run fails."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def count(self) -> Report:
        """Runs completed since `begin`, and the CPU time of all that came of them in that time.

        A run that was under way at `begin` counts when it completes: over many windows that makes up for
        the one that is under way at the end. So the report ends now, not with the last run.
        """
        (completed_before, begin), (completed, end) = self._begin, self._now()
        return report(self.unit, completed - completed_before, begin, end)

    def stop(self) -> None:
        """End the run and every process that came of it; its process group is asked politely first."""
        with self._switch:
            self._stop()

    def end(self) -> None:
        """Stop for good because this process is about to exit: a later `begin` waits for ever."""
        self._switch.acquire()
        self._stop()

    @property
    def failed(self) -> Failure | None:
        """The run that failed, with the end of its stderr; None when none did."""
        return self._failed

    def _stop(self) -> None:
        with self._lock:
            self._stopping = True
        self._signal(signal.SIGTERM)
        self.wait(GRACE_S)
        deadline_s = time.monotonic() + END_S
        self._signal(signal.SIGKILL)
        while self._thread is not None and self._thread.is_alive():
            _kill_descendants()
            self.wait(_LOOK_AGAIN_S)
            if time.monotonic() >= deadline_s:
                self._blame(_descendants())
                return
        self._thread = None
        if left := self._end_descendants(deadline_s):
            self._blame(left)

    def _blame(self, left: Sequence[psutil.Process]) -> None:
        pids = ", ".join(str(process.pid) for process in left)
        self._failed = {"returncode": None, "stderr": f"the task left processes running: {pids}"}

    def _end_descendants(self, deadline_s: float) -> Sequence[psutil.Process]:
        """Kill and reap until there is no child, hence no descendant; returns those that live at the deadline.

        One pass is not enough: a process may have a new child between the look and the kill. Orphans come here.
        """
        while True:
            with self._lock:
                try:
                    while os.waitpid(-1, os.WNOHANG) != (0, 0):
                        pass
                except ChildProcessError:
                    return ()
            if time.monotonic() >= deadline_s:
                return _descendants()
            _kill_descendants()
            time.sleep(_LOOK_AGAIN_S)

    def _now(self) -> tuple[int, Moment]:
        with self._lock:
            return self._completed, Moment(time.monotonic_ns(), _descendants_cpu_s())

    def _signal(self, signum: signal.Signals) -> None:
        # The group's number is ours as long as its leader is not reaped, which needs the lock.
        with self._lock, contextlib.suppress(ProcessLookupError, PermissionError):
            if self._pid is not None:
                os.killpg(self._pid, signum)

    def _repeat(self) -> None:
        while True:
            with self._lock:
                if self._stopping:
                    return
                try:
                    process = self._start()
                except OSError as error:
                    reason = f"cannot start {self._argv[0]!r}: {error.strerror}"
                    self._failed = {"returncode": None, "stderr": reason}
                    return
                self._pid = process.pid
            self._await(process.pid)
            # What a finished run left behind would load the machine unseen.
            self._signal(signal.SIGKILL)
            with self._lock:
                self._pid = None
                process.wait()
            left = self._end_descendants(time.monotonic() + END_S)
            with self._lock:
                if self._stopping:
                    return
                if left:
                    self._blame(left)
                    return
                if process.returncode != 0:
                    self._failed = {"returncode": process.returncode, "stderr": self._stderr_tail()}
                    return
                self._completed += 1

    def _await(self, pid: int) -> None:
        """Sleep until this child has ended, without reaping it; orphans that end before it are reaped."""
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            assert ended is not None  # only WNOHANG gives None
            if ended.si_pid == pid:
                return
            with self._lock:
                os.waitpid(ended.si_pid, 0)

    def _start(self) -> subprocess.Popen[bytes]:
        os.ftruncate(self._stderr.fileno(), 0)
        self._stderr.seek(0)
        parent_pid = os.getpid()
        return subprocess.Popen(
            self._argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            start_new_session=True,
            # Only the new process itself can ask for it. The other threads sleep in the kernel at the fork.
            preexec_fn=lambda: _die_with(parent_pid),
        )

    def _stderr_tail(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), STDERR_TAIL_BYTES, max(0, size - STDERR_TAIL_BYTES))
        return tail.decode(errors="replace").strip()
