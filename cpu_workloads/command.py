"""A program of the user's own as a stressor: run again and again, its completed runs and CPU time counted."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence

import psutil

from cpu_workloads.contract import Control
from cpu_workloads.program import Program, ProgramError
from cpu_workloads.stressor import Failure, Moment, Report, StressorError, report

STDERR_TAIL_BYTES = 4096


class Command:
    """Runs `argv` until stopped. A thread sleeps until a run ends; the caller's thread sleeps too."""

    unit = "runs"

    def __init__(self, argv: Sequence[str]) -> None:
        """Raises StressorError (3) when there is no such program, or it may not be executed or could escape."""
        try:
            self._program = Program(argv)
        except ProgramError as error:
            raise StressorError(str(error), 3) from error
        self._argv = list(argv)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the stressor
        self._switch = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
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
        with self._program.lock:
            self._stopping = True
        if left := self._program.end():
            self._blame(left)
        if self._thread is not None and self._program.is_over:
            self._thread.join()
            self._thread = None

    def _blame(self, left: Sequence[psutil.Process]) -> None:
        pids = ", ".join(str(process.pid) for process in left)
        self._failed = {"returncode": None, "stderr": f"the task left processes running: {pids}"}

    def _now(self) -> tuple[int, Moment]:
        with self._program.lock:
            return self._completed, Moment(time.monotonic_ns(), self._program.cpu_s())

    def _repeat(self) -> None:
        while True:
            with self._program.lock:
                if self._stopping:
                    return
                try:
                    self._start()
                except OSError as error:
                    reason = f"cannot start {self._argv[0]!r}: {error.strerror}"
                    self._failed = {"returncode": None, "stderr": reason}
                    return
            returncode, left = self._program.await_end()
            with self._program.lock:
                if self._stopping:
                    return
                if left:
                    self._blame(left)
                    return
                if returncode != 0:
                    self._failed = {"returncode": returncode, "stderr": self._stderr_tail()}
                    return
                self._completed += 1

    def _start(self) -> None:
        os.ftruncate(self._stderr.fileno(), 0)
        self._stderr.seek(0)
        self._program.start(stdout=subprocess.DEVNULL, stderr=self._stderr)

    def _stderr_tail(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), STDERR_TAIL_BYTES, max(0, size - STDERR_TAIL_BYTES))
        return tail.decode(errors="replace").strip()
