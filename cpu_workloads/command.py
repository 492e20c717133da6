"""A program of the user's own as a stressor: run again and again, its completed runs and CPU time counted."""

from __future__ import annotations

import contextlib
import ctypes
import os
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

_KILL_S = 0.3
_PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""

_LIBC = ctypes.CDLL(None)


def _die_with(parent_pid: int) -> None:
    """In the new process, before it becomes the program: be killed when the stressor dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)


def _tree_cpu_s(pid: int) -> float:
    """User and system time of a process, of its living descendants, and of those that they waited for."""
    total_s = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        leader = psutil.Process(pid)
        for process in [leader, *leader.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total_s += times.user + times.system + times.children_user + times.children_system
    return total_s


class Command:
    """Runs `argv` until told to stop. A thread sleeps until a run ends; the caller's thread sleeps too."""

    unit = "runs"

    def __init__(self, argv: Sequence[str]) -> None:
        """Raises StressorError (3) when there is no such program or it may not be executed."""
        if shutil.which(argv[0]) is None:
            raise StressorError(f"cannot start {argv[0]!r}: no such program, or it is not executable", 3)
        self._argv = list(argv)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the stressor
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._pid: int | None = None
        self._completed = 0
        self._finished_cpu_s = 0.0
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
        if self._thread is None:
            self._stopping = False
            self._failed = None
            self._thread = threading.Thread(target=self._repeat, daemon=True)
            self._thread.start()
        self._begin = self._now()

    def wait(self, timeout_s: float) -> None:
        """Sleep so long, or until a run fails."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    def count(self) -> Report:
        """Runs completed since `begin`, and the CPU time of finished and unfinished ones in that time.

        A run that was under way at `begin` counts when it completes: over many windows that makes up for
        the one that is under way at the end. So the report ends now, not with the last run.
        """
        (completed_before, begin), (completed, end) = self._begin, self._now()
        return report(self.unit, completed - completed_before, begin, end)

    def stop(self) -> None:
        """Kill the run and everything in its process group, politely first."""
        with self._lock:
            self._stopping = True
        self._signal(signal.SIGTERM)
        self.wait(GRACE_S)
        self._signal(signal.SIGKILL)
        self.wait(_KILL_S)
        if self._thread is not None and self._thread.is_alive():
            self._failed = {"returncode": None, "stderr": f"{self._argv[0]!r} could not be killed"}
        else:
            self._thread = None

    @property
    def failed(self) -> Failure | None:
        """The run that failed, with the end of its stderr; None when none did."""
        return self._failed

    def _now(self) -> tuple[int, Moment]:
        with self._lock:
            running_cpu_s = 0.0 if self._pid is None else _tree_cpu_s(self._pid)
            return self._completed, Moment(time.monotonic_ns(), self._finished_cpu_s + running_cpu_s)

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
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            # What a finished run left behind in its group would load the machine uncounted.
            self._signal(signal.SIGKILL)
            with self._lock:
                self._pid = None
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self._finished_cpu_s += usage.ru_utime + usage.ru_stime
                if self._stopping:
                    return
                if process.returncode != 0:
                    self._failed = {"returncode": process.returncode, "stderr": self._stderr_tail()}
                    return
                self._completed += 1

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
