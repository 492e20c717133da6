"""Run a user's own program as a stressor, again and again or once as a service, and count its work."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import psutil

from cpu_workloads.command_request import CLEANUP_FAILED, CommandRequest
from cpu_workloads.contract import Control
from cpu_workloads.counter import Counter
from cpu_workloads.output import Output, ReadOutput
from cpu_workloads.program import Ending, Program, ProgramError
from cpu_workloads.progress import Progress
from cpu_workloads.stressor import Failure, Moment, Report, StressorError, report
from cpu_workloads.user import User

READY_S = 120.0
"""How long to wait for a program's ready line after its start, in seconds."""

PREPARE_S, CLEANUP_S = 300.0, 60.0
"""How long `prepare` and `cleanup` may take, in seconds."""

HELPER_LINES, HELPER_CHARACTERS = 3, 300
"""How much of the last output of `prepare` and `cleanup` a failure quotes, on one line."""


class Command:
    """Runs the program of a request until it is stopped. A thread starts each run and sleeps until it ends."""

    def __init__(self, request: CommandRequest) -> None:
        """Enter the directory of the request. Raises StressorError with exit code 3 if something cannot be run."""
        self._request = request
        self._progress = None if request.progress is None else Progress(request.progress)
        self._counter = Counter()
        # Set when the program is ready, or when it is clear that it will not be.
        self._settled = threading.Event()
        try:
            self._popen_options = self._entered()
            self._program = Program(request.argv)
            self._helpers = {
                what: Program(argv)
                for what, argv in (("prepare", request.prepare), ("cleanup", request.cleanup))
                if argv
            }
            self._output = self._opened()
        except ProgramError as error:
            raise StressorError(str(error), 3) from error
        except OSError as error:
            raise StressorError(f"cannot use {error.filename}: {error.strerror}", 3) from error
        self._switch = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._prepared = False
        self._completed = self._deserted = 0
        self._failed: Failure | None = None
        self._begin = (0.0, 0, Moment(0, 0.0))

    @property
    def unit(self) -> str:
        """What counts: `progress`, completed runs, or for a service seconds of CPU time."""
        if self._request.progress is not None:
            return "progress"
        return "CPU s" if self._request.service else "runs"

    def facts(self) -> Mapping[str, object]:
        """The unit, the program, and the descriptor where its progress is counted. Its footprint is not known."""
        lines = {} if self._progress is None else {"lines": self._counter.descriptor}
        return {"unit": self.unit, "argv": self._request.argv, **lines}

    def start(self) -> Mapping[str, object]:
        """Start the program unless it runs, and wait until it is ready. Returns the failure as `failed`, if any."""
        if self._thread is None:
            self.begin()
            if self._failed is None:
                self._await_ready()
        return {} if self._failed is None else {"failed": self._failed}

    def measure(self, control: Control) -> Report:
        """Count until the parent's next command, and report (see `count`).

        The command `stop` also ends the program, unless the request keeps it running.
        """
        self.begin()
        word = control.peek()
        counted = self.count()
        if word == "stop":
            if not self._request.keeps:
                self.stop()
            if self._failed is not None:
                counted["failed"] = self._failed
        return counted

    def begin(self) -> None:
        """Count from zero now. Start the program if it does not run."""
        if self._thread is None:
            self._failed = None
            self._settled.clear()
            if not self._prepared:
                self._prepared = True
                self._help("prepare", PREPARE_S)
        with self._switch:
            if self._thread is None and self._failed is None:
                self._stopping = False
                self._thread = threading.Thread(target=self._repeat, daemon=True)
                self._thread.start()
        self._output.shorten()
        self._begin = self._now()

    def wait(self, timeout_s: float) -> None:
        """Sleep for `timeout_s` seconds, or until a run fails."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def count(self) -> Report:
        """Report the work since `begin`, and the CPU time of the program and its descendants in that time.

        A run that was under way at `begin` counts when it completes: over many windows that makes up for the run
        under way at the end. So the report ends now, not with the last run. A run that left processes behind did not
        do all of its work, and is not counted.
        """
        (count_before, deserted_before, begin), (count, deserted, end) = self._begin, self._now()
        found = report(self.unit, count - count_before, begin, end)
        if self.unit == "CPU s":
            found["count"] = found["cpu_s"]
        if deserted > deserted_before:
            found["deserted"] = deserted - deserted_before
        return found

    def stop(self) -> None:
        """End the run and every process that came of it; its process group first gets SIGTERM."""
        with self._switch:
            self._stop()

    def end(self) -> None:
        """Stop for good, before this process exits: a later `begin` waits for ever. Then run the cleanup.

        If the cleanup fails, this process exits here, with CLEANUP_FAILED.
        """
        self._switch.acquire()
        for helper in self._helpers.values():
            _ended(helper)
        self._stop()
        if self._prepared:
            self._failed = None
            self._help("cleanup", CLEANUP_S)
            if self._failed is not None:
                sys.stderr.write(f"{self._failed['stderr']}\n")
                sys.stderr.flush()
                os._exit(CLEANUP_FAILED)

    @property
    def failed(self) -> Failure | None:
        """The failure of a run, with the end of its output; None if none failed."""
        return self._failed

    def _entered(self) -> Mapping[str, Any]:
        request = self._request
        if request.directory is not None:
            os.chdir(request.directory)
        os.environ.update(request.environment)
        self._user = None if request.user is None else User.named(request.user)
        return {} if self._user is None else self._user.popen_options(request.environment)

    def _opened(self) -> Output:
        request = self._request
        if self._progress is None and request.ready_line is None:
            return Output(request.output)
        # The CPU time at which a line came is not known, so the counter gets 0.
        return ReadOutput(
            request.output,
            self._progress,
            request.ready_line,
            self._settled.set,
            lambda growth: self._counter.add(growth, 0.0),
        )

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

    def _now(self) -> tuple[float, int, Moment]:
        with self._program.lock:
            count = self._completed if self._progress is None else self._progress.total
            return count, self._deserted, Moment(time.monotonic_ns(), self._program.cpu_s())

    def _repeat(self) -> None:
        try:
            while self._ran_once():
                pass
        finally:
            self._settled.set()

    def _ran_once(self) -> bool:
        """Run the program to its end, and return whether it is to run again."""
        with self._program.lock:
            if self._stopping:
                return False
            try:
                self._start(self._program)
                if self._progress is not None and not self._request.service:
                    self._progress.restart()
            except (OSError, ProgramError) as error:
                self._failed = {"returncode": None, "stderr": _cannot_start(self._request.argv, error)}
                return False
        ending = self._program.await_end()
        with self._program.lock:
            if self._stopping:
                return False
            self._judge(ending)
            return self._failed is None

    def _judge(self, ending: Ending) -> None:
        if ending.left:
            self._blame(ending.left)
        elif self._request.service or ending.returncode != 0:
            self._failed = {"returncode": ending.returncode, "stderr": self._output.tail()}
        elif ending.deserted:
            self._deserted += 1
        else:
            self._completed += 1

    def _start(self, program: Program) -> None:
        self._output.begins()
        check = (lambda pid: None) if self._user is None else self._user.check
        program.start(check, **self._output.popen_options(), **self._popen_options)

    def _await_ready(self) -> None:
        request = self._request
        if request.ready_line is not None:
            self._settled.wait(READY_S)
            if self._failed is None and not self._settled.is_set():
                said = self._output.tail()
                waited = f"it printed no line with {request.ready_line!r} within {READY_S:g} s of its start"
                self.stop()
                self._failed = {"returncode": None, "stderr": f"{waited}\n{said}".strip()}
        elif request.ready_after_s:
            self._settled.wait(request.ready_after_s)

    def _help(self, what: str, longest_s: float) -> None:
        """Run `prepare` or `cleanup`, and all that comes of it, for `longest_s` seconds at the most."""
        program = self._helpers.get(what)
        if program is None:
            return
        timer = threading.Timer(longest_s, _ended, [program])
        try:
            with program.lock:
                self._start(program)
            timer.start()
            ending = program.await_end()
        except (OSError, ProgramError) as error:
            argv = getattr(self._request, what)
            self._failed = {"returncode": None, "stderr": f"its {what} failed: {_cannot_start(argv, error)}"}
            return
        finally:
            timer.cancel()
        if ending.returncode != 0:
            how = f"return code {ending.returncode}"
            if ending.returncode == -signal.SIGTERM:
                how = f"it was ended after {longest_s:g} s"
            said = "; ".join(self._output.tail().splitlines()[-HELPER_LINES:])[-HELPER_CHARACTERS:]
            reason = f"its {what} failed ({how}): {said or 'it said nothing'}"
            self._failed = {"returncode": None, "stderr": reason}


def _ended(program: Program) -> None:
    """End a program if it runs. On one that does not, `end` would end whatever else this process has started."""
    if not program.is_over:
        program.end()


def _cannot_start(argv: Sequence[str], error: OSError | ProgramError) -> str:
    return f"cannot start {argv[0]!r}: {error.strerror}" if isinstance(error, OSError) else str(error)
