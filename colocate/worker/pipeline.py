"""The process behind the user's own program as the network: `python -m colocate.worker.pipeline JSON`.

It starts the program, collects the program's reports of inferences, and serves windows by the child contract. The
program runs all the time, between windows too. It has the CPUs of the network to itself: this process runs on others.
"""

import json
import math
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from colocate.worker.errors import WorkerError
from colocate.worker.older import monotonic_ns
from colocate.worker.pipeline_output import LatencyLines, Output, Times
from cpu_workloads.contract import Control, serve
from cpu_workloads.program import Program, ProgramError, end_on_signals

# The first inference allocates and compiles; from its end to that of the second is how long one takes.
FIRST_INFERENCES = 2
# One is under way when the window begins, and beside a task each may take twice as long.
WINDOW_TURNS = 4
_LOOK_S = 0.01


class PipelineRequest(NamedTuple):
    """The program, and how it reports. `latency` is the pattern of the lines that it prints, None if it sends
    records. `launcher` is a command that moves to the program's CPUs and then executes it.
    """

    argv: "tuple[str, ...]"
    latency: "str | None" = None
    latency_unit: str = "ms"
    environment: "Mapping[str, str]" = {}  # noqa: RUF012 - of a tuple it is a default
    directory: "str | None" = None
    ready_s: float = 60.0
    launcher: "tuple[str, ...]" = ()

    def to_json(self) -> str:
        """Return one line for `from_json`."""
        return json.dumps(self._asdict())


def from_json(text: str) -> PipelineRequest:
    """The inverse of `PipelineRequest.to_json`."""
    fields: "dict[str, Any]" = json.loads(text)
    return PipelineRequest(**{**fields, "argv": tuple(fields["argv"]), "launcher": tuple(fields["launcher"])})


class ProgramEndedError(WorkerError):
    """The program ended by itself. `status` is its exit status, or 128 plus the number of the signal that
    killed it.
    """

    def __init__(self, returncode: int, last_line: str) -> None:
        self.status = returncode if returncode >= 0 else 128 - returncode
        said = last_line or "it said nothing"
        if returncode == 0:
            said = f"a pipeline runs until it is ended; {f'it said: {last_line}' if last_line else said}"
        elif returncode < 0:
            said = f"killed by {_signal_name(-returncode)}: {said}"
        super().__init__(said)


def _signal_name(number: int) -> str:
    """The name of a signal, or its number: real-time signals have no name."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


class RunningPipeline:
    """The program, started once, and its reports."""

    def __init__(self, request: PipelineRequest, program: Program) -> None:
        lines = None if request.latency is None else LatencyLines(request.latency, request.latency_unit)
        self._output = Output(lines)
        self._program = program
        self._ready_s = request.ready_s
        self._returncode: "int | None" = None
        self._turn_s = 0.0

    def start(self) -> float:
        """Start the program and wait until it infers. Return the time from the end of one inference to that of the
        next, in seconds.

        Raises WorkerError if the program is silent, cannot be started or ends.
        """
        deadline_s = time.monotonic() + self._ready_s
        try:
            with self._program.lock:
                self._program.start(**self._output.popen_options())
        except OSError as error:
            raise WorkerError(f"it cannot be started: {error.strerror}") from error
        self._output.listen()
        threading.Thread(target=self._await_end, daemon=True).start()
        found = self._output.inferences()
        while len(found) < FIRST_INFERENCES:
            self.check()
            if time.monotonic() > deadline_s:
                raise WorkerError(self._silence(len(found)))
            time.sleep(_LOOK_S)
            found = self._output.inferences()
        (_, first_ns), (begin_ns, end_ns) = found[:FIRST_INFERENCES]
        self._turn_s = max(end_ns - begin_ns, end_ns - first_ns) / 1e9
        return self._turn_s

    def window(self, control: Control) -> "Mapping[str, Any]":
        """Report the inferences that began and ended before the parent's next command. Raises WorkerError as `check`
        does, and if a window that is over has no inference.
        """
        go_ns, cpu_s = self._moment()
        self._output.forget(before_ns=go_ns)
        word = control.peek()
        word_ns, cpu_end_s = self._moment()
        found = self._output.inferences()
        self.check()
        counted = within(found, go_ns, word_ns)
        if counted is None:
            if word == "stop":
                length_s = (word_ns - go_ns) / 1e9
                raise WorkerError(
                    f"no inference began and ended within the {length_s:.3g} s: one took {self._turn_s:.3g} s at the "
                    f"start, so it has stopped, or needs a longer window: --window {self._enough_s(length_s):g}; "
                    f"{self._printed_last()}"
                )
            return {}
        return {**counted, "devices_s": [], "cpu_s": cpu_end_s - cpu_s}

    def _enough_s(self, length_s: float) -> float:
        """A window length in seconds that holds an inference wherever it falls, even if each takes twice as long
        beside a task.
        """
        return math.ceil(10 * max(WINDOW_TURNS * self._turn_s, 2 * length_s)) / 10

    def check(self) -> None:
        """Raise WorkerError if the program has ended, or has reported what makes no sense."""
        if self._output.failure:
            raise WorkerError(self._output.failure)
        if self._returncode is not None:
            raise ProgramEndedError(self._returncode, self._output.last_line())

    def _await_end(self) -> None:
        self._returncode = self._program.await_end().returncode

    def _moment(self) -> "tuple[int, float]":
        with self._program.lock:
            return monotonic_ns(), self._program.cpu_s()

    def _silence(self, reported: int) -> str:
        asked = self._output.reports.name
        few = f"printed one {asked}, and no second" if reported else f"printed no {asked}"
        return f"it {few} within {self._ready_s:g} s and was ended; {self._printed_last()}"

    def _printed_last(self) -> str:
        latest = self._output.latest_line()
        return f"it printed last: {latest}" if latest else "it printed nothing"


def within(inferences: "Sequence[Times]", go_ns: int, word_ns: int) -> "Mapping[str, Any] | None":
    """Report the inferences that began and ended from `go_ns` to `word_ns`; None if there are none.

    `inferences` are in the order of their begin. The counted time begins when the inference under way at `go_ns` has
    ended, and ends with the last counted one. So it holds whole turns of the program, including its work between
    inferences.
    """
    counted = [(begin_ns, end_ns) for begin_ns, end_ns in inferences if go_ns <= begin_ns and end_ns <= word_ns]
    if not counted:
        return None
    under_way = [end_ns for begin_ns, end_ns in inferences if begin_ns < go_ns <= end_ns]
    first_ns = counted[0][0]
    return {
        # Several may be under way at a time.
        "begin_ns": min(first_ns, max([go_ns, *under_way])),
        "end_ns": max(end_ns for _, end_ns in counted),
        "begins_ns": [begin_ns for begin_ns, _ in counted],
        "latencies_ns": [end_ns - begin_ns for begin_ns, end_ns in counted],
    }


def main(text: str) -> None:
    """Serve the request in `text`, which is JSON; a failure is one line on stderr."""
    request = from_json(text)
    try:
        if request.directory is not None:
            os.chdir(request.directory)
        os.environ.update(request.environment)
        program = Program(request.argv, request.launcher)
    except OSError as error:
        sys.exit(f"its directory {request.directory} cannot be entered: {error.strerror}")
    except ProgramError as error:
        sys.exit(str(error))
    control = Control(at_end=program.end)
    end_on_signals(program.end)
    try:
        pipeline = RunningPipeline(request, program)
        inference_s = pipeline.start()
        ready = {"runtime": {"program": " ".join(map(shlex.quote, request.argv))}, "inference_s": inference_s}
        serve(control, pipeline.window, ready)
    except ProgramEndedError as ending:
        sys.stderr.write(f"{ending}\n")
        sys.exit(ending.status)
    except WorkerError as error:
        sys.exit(str(error))
    finally:
        program.end()


if __name__ == "__main__":
    main(sys.argv[1])
