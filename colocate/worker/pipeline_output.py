"""What a user's program writes: its lines, its records of inferences, and its last messages."""

import math
import os
import re
import selectors
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any, Tuple

from colocate.worker.errors import WorkerError
from colocate.worker.older import Protocol, monotonic_ns
from cpu_workloads.output import terminal

# The environment variable that holds the number of the pipe for records; see `colocate.marks`.
DESCRIPTOR = "COLOCATE_FD"
UNITS_NS = {"ms": 1e6, "us": 1e3, "s": 1e9}

# Records hold their own times, so they are read in batches: the program need not wake this process for each.
# A pipe of 64 KiB holds 4096 of them.
POLL_S = 0.02
_RECORD = struct.Struct("<qq")
_READ_BYTES = 1 << 16
# Beyond it a line is no report; the rest of it is kept.
_LINE_BYTES = 1 << 16
_TAIL_BYTES = 4096
_SAID_CHARACTERS = 300

Times = Tuple[int, int]
"""Begin and end of an inference, CLOCK_MONOTONIC in nanoseconds."""


class Reports(Protocol):
    """How a program reports an inference."""

    name: str
    """What the program writes for each inference, as messages name it: `printed no {name}`."""

    def read(self, data: bytes, now_ns: int) -> "Iterator[Times]":
        """Yield the inferences in `data`, which was read at `now_ns`. Raises WorkerError for one that makes no
        sense.
        """


class LatencyLines:
    """One line for each inference, printed when it is done. The line matches `pattern`, whose group is the latency in
    `unit`.
    """

    def __init__(self, pattern: str, unit: str) -> None:
        self.name = f"line that matches '{pattern}'"
        self._pattern, self._unit_ns = re.compile(pattern), UNITS_NS[unit]
        self._rest = b""
        self._read_ns = 0

    def read(self, data: bytes, now_ns: int) -> "Iterator[Times]":
        """See `Reports.read`. Of several lines read together, the last ends at `now_ns`; each other one ends when the
        next begins, or at the previous read if that is later.
        """
        *lines, rest = (self._rest + data.replace(b"\r", b"\n")).split(b"\n")
        self._rest = rest[-_LINE_BYTES:]
        texts = [line.decode(errors="replace") for line in lines]
        matches = filter(None, map(self._pattern.search, texts))
        end_ns = now_ns
        for match in reversed(list(matches)):
            begin_ns = end_ns - self._latency_ns(match[1], match.string)
            yield begin_ns, end_ns
            end_ns = max(begin_ns, self._read_ns)
        self._read_ns = now_ns

    def _latency_ns(self, number: "str | None", line: str) -> int:
        try:
            latency_ns = float(number or "") * self._unit_ns
        except ValueError:
            latency_ns = math.nan
        # Below 1 ns it is printed with too few digits.
        if not 1 <= latency_ns < math.inf:
            raise WorkerError(f"'{printable(number or '')}' is no latency above 0 in its line '{printable(line)}'")
        return round(latency_ns)


class MarkRecords:
    """A record of 16 bytes for each inference: begin and end in ns, as little-endian 64-bit integers."""

    name = f"record to the descriptor in {DESCRIPTOR}"

    def __init__(self) -> None:
        self._rest = b""

    def read(self, data: bytes, now_ns: int) -> "Iterator[Times]":
        """See `Reports.read`."""
        data = self._rest + data
        whole = len(data) - len(data) % _RECORD.size
        self._rest = data[whole:]
        for begin_ns, end_ns in _RECORD.iter_unpack(data[:whole]):
            if not 0 < begin_ns < end_ns <= now_ns:
                raise WorkerError(
                    f"its record of {begin_ns} and {end_ns}, read at {now_ns} ns, is no inference: that is its begin "
                    "and then its end, both past, in nanoseconds of CLOCK_MONOTONIC"
                )
            yield begin_ns, end_ns


class Output:
    """Reads all that a program writes, in a thread, until every writer has closed it.

    Lines are read from a terminal: most programs write lines to a pipe late, in blocks.
    """

    def __init__(self, lines: "LatencyLines | None") -> None:
        """Expect records if `lines` is None."""
        self.reports: Reports = lines or MarkRecords()
        self.failure = ""
        self._stdout, self._program_stdout = os.pipe() if lines is None else terminal()
        self._stderr, self._program_stderr = os.pipe()
        self._records, self._program_records = os.pipe()
        os.set_blocking(self._records, False)
        self._reported_at = self._stdout if lines is not None else self._records
        self._tails = {self._stdout: b"", self._stderr: b""}
        self._latest = self._stderr
        self._lock = threading.Lock()
        self._inferences: "list[Times]" = []
        self._read_ns = 0
        self._thread = threading.Thread(target=self._read_all, daemon=True)

    def popen_options(self) -> "dict[str, Any]":
        """The options of Popen that make a process write here. It gets the pipe for records only if they are
        expected.
        """
        environment = {name: value for name, value in os.environ.items() if name != DESCRIPTOR}
        options = {"stdout": self._program_stdout, "stderr": self._program_stderr}
        if self._reported_at != self._records:
            return {**options, "env": environment}
        number = self._program_records
        return {**options, "env": {**environment, DESCRIPTOR: str(number)}, "pass_fds": (number,)}

    def listen(self) -> None:
        """Begin to read. Call this once the program has been started and holds the other ends."""
        for descriptor in (self._program_stdout, self._program_stderr, self._program_records):
            os.close(descriptor)
        self._thread.start()

    def forget(self, before_ns: int) -> None:
        """Drop the inferences that ended before `before_ns`."""
        with self._lock:
            self._inferences = [times for times in self._inferences if times[1] >= before_ns]

    def inferences(self) -> "list[Times]":
        """Return all reported inferences in the order of their begin, once everything written so far is read."""
        now_ns = monotonic_ns()
        while self._read_ns <= now_ns and self._thread.is_alive():
            time.sleep(POLL_S / 4)
        with self._lock:
            return sorted(self._inferences)

    def last_line(self) -> str:
        """The program's last line on standard error, or if that is empty on standard output; empty if both are.

        It waits until all is read, for 1 s at most.
        """
        self._thread.join(1.0)
        return _last_line(self._tails[self._stderr]) or _last_line(self._tails[self._stdout])

    def latest_line(self) -> str:
        """The line that the program printed last, on either output; empty if it printed nothing."""
        return _last_line(self._tails[self._latest])

    def _read_all(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            selector.register(self._stderr, selectors.EVENT_READ)
            records_open = True
            while selector.get_map() or records_open:
                # What is written before this moment is read in this turn.
                turn_ns = monotonic_ns()
                for key, _ in selector.select(POLL_S):
                    data = _read(key.fd)
                    if data == b"":
                        selector.unregister(key.fd)
                    elif data:
                        self._take(key.fd, data)
                        self._tails[key.fd] = (self._tails[key.fd] + data)[-_TAIL_BYTES:]
                        self._latest = key.fd if data.strip() else self._latest
                # One read empties the pipe.
                data = _read(self._records) if records_open else None
                if data is not None:
                    records_open = data != b""
                    self._take(self._records, data)
                self._read_ns = turn_ns

    def _take(self, descriptor: int, data: bytes) -> None:
        """Note the inferences in `data`. After a report that makes no sense, none counts but reading goes on: a
        program whose pipe is full would hang.
        """
        if descriptor != self._reported_at or self.failure:
            return
        try:
            found = list(self.reports.read(data, monotonic_ns()))
        except WorkerError as error:
            self.failure = str(error)
            return
        with self._lock:
            self._inferences += found


def printable(text: str) -> str:
    """`text` on one line of bounded length, with unprintable characters replaced."""
    shown = "".join(c if c.isprintable() else "\ufffd" for c in text.strip())
    return shown if len(shown) <= _SAID_CHARACTERS else f"{shown[:_SAID_CHARACTERS]}..."


def _last_line(tail: bytes) -> str:
    lines = tail.decode(errors="replace").strip().splitlines()
    return printable(lines[-1]) if lines else ""


def _read(descriptor: int) -> "bytes | None":
    """Return the bytes that are there: empty if every writer has closed, None if there are none yet."""
    try:
        return os.read(descriptor, _READ_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        # A terminal that everyone has closed (EIO).
        return b""
