"""The parent's side of the child contract: start a child, tell it to go and stop, and end it.

`cpu_workloads/contract.py` is the child's side.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from colocate.blas import users_environment
from colocate.errors import TrialError
from colocate.host.cpus.cpuset import Seat
from colocate.host.cpus.scheduling import scheduling
from colocate.host.processes.standing import Standing, standing

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_STDERR_TAIL_BYTES = 2000
# A process that a search holds cannot say so itself (`cpu_workloads/output.py`).
_SAID_BY_SIGNAL = {"killed by SIGVTALRM": "its progress takes too long to find in a line that it printed"}


def launcher(seat: Seat, parent: str = "-", death_signal: str = "SIGKILL", user: str = "-") -> list[str]:
    """Return the command that enters `seat` and becomes the command after it. `launch.py` explains the other
    arguments.
    """
    cpus = ",".join(map(str, seat.cpus))
    groups = ":".join(str(group / "cgroup.procs") for group in seat.groups) or "-"
    # -S and -E: it needs the standard library alone and starts in half the time.
    bound = scheduling(seat.containment)
    return [sys.executable, "-S", "-E", _LAUNCH, parent, death_signal, cpus, groups, bound, user]


class Child:
    """A process in its seat that says `ready`, and obeys `go` and `stop`.

    The constructor only starts it, so that several can start side by side; `ready` waits for it. The child runs in a
    session of its own: Ctrl-C reaches only the sweep, which then ends its children.

    If this process dies, the kernel kills the child, even a paused one. A child that `runs_program` of the user's is
    resumed instead: it reads the end of its input and ends that program.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        seat: Seat,
        *,
        runs_program: bool = False,
        keeps: Collection[int] = (),
    ) -> None:
        """Start the process. It inherits the open files in `keeps`, under the same numbers."""
        self.name = name
        self._runs_program = runs_program
        self.facts: Mapping[str, Any] = {}
        self._standing: Standing | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child; closed in close()
        self._unread = b""
        self._process = subprocess.Popen(
            [*launcher(seat, str(os.getpid()), "SIGCONT" if runs_program else "SIGKILL"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            start_new_session=True,
            pass_fds=keeps,
            env=users_environment(),
        )

    def ready(self, timeout_s: float) -> Mapping[str, Any]:
        """Wait until the child is ready, and return what it says of itself. Raises TrialError if it ends or
        `timeout_s` is over.
        """
        self.facts = self._receive(timeout_s)["ready"]
        self._standing = standing(self.pid)
        return self.facts

    def moved(self, fifo_priority: int | None = None) -> bool:
        """Return whether somebody changed the CPUs or the priority of the child since it was ready. `fifo_priority`
        is what colocate itself gave it meanwhile; None if nothing.
        """
        now, wanted = standing(self.pid), self._standing
        if now is None or wanted is None:
            return False
        if fifo_priority is not None:
            wanted = wanted._replace(policy=os.SCHED_FIFO, priority=fifo_priority)
        return now != wanted

    def start(self) -> None:
        """Tell the child that windows come soon: now it starts the user's program, if it runs one. `started` waits
        for that.
        """
        self._send("start")

    def started(self, timeout_s: float) -> Mapping[str, Any]:
        """Wait for the answer to `start`, and return it. It has the key `failed` if the program did not start."""
        answer: Mapping[str, Any] = self._receive(timeout_s)["started"]
        return answer

    def go(self) -> None:
        """Tell the child to count from zero."""
        self._send("go")

    def stop(self, timeout_s: float) -> Mapping[str, Any]:
        """Stop the child, and return its report of the time since the last `go`."""
        self.fall_idle()
        return self.report(timeout_s)

    def fall_idle(self) -> None:
        """Tell the child to stop, the first half of `stop`. Each of several children prepares its report while the
        next is told.
        """
        self._send("stop")

    def report(self, timeout_s: float) -> Mapping[str, Any]:
        """Wait for the report and return it, the second half of `stop`."""
        return self._receive(timeout_s)

    @property
    def pid(self) -> int:
        """The process id of the child."""
        return self._process.pid

    def hang_up(self) -> None:
        """Close the child's input, the first half of `close`. Each of several children ends while the next is told. A
        child without a program of the user's has nothing to clean up and is killed at once.
        """
        if self._process.returncode is not None:
            return
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # end of file: the polite way, on which a runner ends the user's program
        if not self._runs_program:
            self._kill()

    def close(self, timeout_s: float = 1.0) -> tuple[int, str]:
        """End the child and all that it started, at the latest after `timeout_s` seconds. Return its exit status and
        the last line of its stderr. If the child is closed already, nothing happens.
        """
        process = self._process
        if process.returncode is not None:
            return process.returncode, ""
        assert process.stdout is not None
        try:
            self.hang_up()
            self._await_exit(timeout_s)
        finally:
            self._kill()
            status, line = process.wait(), self._last_line()
            process.stdout.close()
            self._stderr.close()
        return status, line

    def _kill(self) -> None:
        # Before it is reaped: until then its number, and so its group's, cannot pass to another process.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _await_exit(self, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        look = os.WEXITED | os.WNOWAIT | os.WNOHANG
        while time.monotonic() < deadline_s:
            if os.waitid(os.P_PID, self._process.pid, look) is not None:
                return
            time.sleep(0.002)

    def _send(self, word: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{word}\n".encode())
            self._process.stdin.flush()
        except OSError as error:
            raise self._ended() from error

    def _receive(self, timeout_s: float) -> Mapping[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        deadline_s = time.monotonic() + timeout_s
        parts = [self._unread]
        while b"\n" not in parts[-1]:
            readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - time.monotonic()))
            if not readable:
                raise TrialError(f"{self.name} gave no answer within {timeout_s:g} s")
            part = os.read(descriptor, 1 << 20)
            if not part:
                raise self._ended()
            parts.append(part)
        line, _, self._unread = b"".join(parts).partition(b"\n")
        message: Mapping[str, Any] = json.loads(line)
        return message

    def _ended(self) -> TrialError:
        self._await_exit(1.0)
        fate = self._fate()
        said = _SAID_BY_SIGNAL.get(fate) or self._last_line() or "it said nothing"
        return TrialError(f"{self.name} ended ({fate}): {said}")

    def _last_line(self) -> str:
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), _STDERR_TAIL_BYTES, max(0, size - _STDERR_TAIL_BYTES))
        lines = tail.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _fate(self) -> str:
        end = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        if end is None:
            return "closed its output"
        if end.si_code == os.CLD_EXITED:
            return f"exit status {end.si_status}"
        return f"killed by {signal.Signals(end.si_status).name}"
