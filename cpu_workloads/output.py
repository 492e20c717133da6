"""The output of a user's own program: its end is kept, and its lines are counted if that is asked for.

If no lines are needed, the program writes to a file or to nowhere, and nobody reads while it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import tempfile
import termios
import threading
import time
from collections.abc import Callable
from typing import Any

from cpu_workloads.progress import Lines, Progress

TAIL_BYTES = 4096
KEPT_BYTES = 1 << 20
"""If nobody asked to keep the output, its file is emptied when it is larger than this."""

MATCHING_MAX_S = 2.0
"""The most CPU time in seconds to match the lines of one read. A pattern may take for ever on a line: then SIGVTALRM
ends this process, because nothing else interrupts a search."""

_READ_BYTES = 1 << 16
# A pause after each read, so that a program that prints many lines wakes this process only so often.
_BATCH_S = 0.002
_DRAINED_S = 1.0


class Output:
    """Where a program prints. All output is added to the file `kept`, if that is given."""

    def __init__(self, kept: str | None = None) -> None:
        """Raises OSError if the file cannot be written."""
        self._keeps = kept is not None
        if kept is not None:
            self._file = os.open(kept, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o644)
        else:
            # The file has no name, and lasts as long as the task.
            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())
            fcntl.fcntl(self._file, fcntl.F_SETFL, os.O_APPEND)
        self._begin = 0

    def popen_options(self) -> dict[str, Any]:
        """The options of Popen that make a process print here."""
        return {"stdout": self._file if self._keeps else subprocess.DEVNULL, "stderr": self._file}

    def begins(self) -> None:
        """Note that a program starts: what was printed before is not its own."""
        if not self._keeps:
            os.ftruncate(self._file, 0)
        self._begin = os.fstat(self._file).st_size

    def shorten(self) -> None:
        """Empty a file that has become large, unless the output is kept."""
        if not self._keeps and os.fstat(self._file).st_size > KEPT_BYTES:
            os.ftruncate(self._file, 0)

    def tail(self) -> str:
        """The end of what the program printed."""
        size = os.fstat(self._file).st_size
        begin = max(self._begin, size - TAIL_BYTES)
        return os.pread(self._file, TAIL_BYTES, begin).decode(errors="replace").strip()


class ReadOutput(Output):
    """An output whose lines are read, by a thread that sleeps until there are some.

    The program prints to a terminal. To a pipe, most programs would write many lines at a time, long after the first.
    """

    def __init__(
        self,
        kept: str | None = None,
        progress: Progress | None = None,
        ready_line: str | None = None,
        ready: Callable[[], object] = lambda: None,
        counted: Callable[[float], object] = lambda growth: None,
    ) -> None:
        """After each `begins`, `ready` is called once, when a line contains `ready_line`.

        `counted` is called with each growth of the progress.
        """
        super().__init__(kept)
        self._progress = progress
        self._ready_line, self._ready, self._counted = ready_line, ready, counted
        self._waiting = False
        # This process holds both ends open, so that they serve every start of the program.
        self._terminal, self._stdout = terminal()
        self._pipe, self._stderr = os.pipe()
        self._reading = threading.Lock()
        threading.Thread(target=self._read_all, daemon=True).start()

    def popen_options(self) -> dict[str, Any]:
        """See `Output.popen_options`."""
        return {"stdout": self._stdout, "stderr": self._stderr}

    def begins(self) -> None:
        """See `Output.begins`."""
        self._drain()
        super().begins()
        self._waiting = self._ready_line is not None

    def tail(self) -> str:
        """See `Output.tail`. First, all that was printed so far is read."""
        self._drain()
        return super().tail()

    def _drain(self) -> None:
        deadline_s = time.monotonic() + _DRAINED_S
        while time.monotonic() < deadline_s:
            with self._reading:
                if not select.select([self._terminal, self._pipe], [], [], 0)[0]:
                    return
            time.sleep(_BATCH_S)

    def _read_all(self) -> None:
        lines = {self._terminal: Lines(), self._pipe: Lines()}
        while True:
            readable = select.select([*lines], [], [])[0]
            with self._reading:
                for descriptor in readable:
                    data = os.read(descriptor, _READ_BYTES)
                    # On a full disk the text is lost, but the program goes on.
                    with contextlib.suppress(OSError):
                        os.write(self._file, data)
                    self._take(lines[descriptor].take(data))
                self.shorten()
            time.sleep(_BATCH_S)

    def _take(self, lines: list[str]) -> None:
        if self._progress is not None:
            before = self._progress.total
            signal.setitimer(signal.ITIMER_VIRTUAL, MATCHING_MAX_S)
            for line in lines:
                self._progress.take(line)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if self._progress.total > before:
                self._counted(self._progress.total - before)
        if self._waiting and any(str(self._ready_line) in line for line in lines):
            self._waiting = False
            self._ready()


def terminal() -> tuple[int, int]:
    """Open a terminal and return our end and the program's. What is written arrives unchanged."""
    ours, programs = os.openpty()
    settings = termios.tcgetattr(programs)
    settings[1] &= ~termios.OPOST
    termios.tcsetattr(programs, termios.TCSANOW, settings)
    return ours, programs
