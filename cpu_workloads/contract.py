"""The child's side of the protocol between a measuring process and its children.

The child writes one JSON line `{"ready": ...}` when it can start at once. Then it reads commands, one word a line:

    go     count from zero now, and begin to work if idle
    stop   stop working, and answer with one JSON line about the time since the last `go`
    start  get ready to be counted, and answer with one JSON line `{"started": ...}`: a program of the user's own
           begins to work here, unless it does already

End of file on stdin means that the parent died: the child exits at once. Timestamps are CLOCK_MONOTONIC nanoseconds,
which all processes of a machine share.

`go` may come twice: the time between is a warm-up, which is not counted, while the load goes on without a pause.
"""

import collections
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn


def _threads() -> "set[int]":
    """The numbers of all threads of this process."""
    return {int(folder.name) for folder in Path("/proc/self/task").iterdir()}


class Control:
    """The commands from the parent. A thread reads them; it sleeps in read(2) and so costs a measurement nothing.

    Make it first: from then on the process ends with its parent, and what libraries print goes to stderr. An inner
    loop checks only `pending()`, which takes some 50 ns and no system call. `at_end` is called before the process
    exits because the parent died. `listener` is the number of the thread (gettid(2)).
    """

    def __init__(self, at_end: "Callable[[], object] | None" = None) -> None:
        self._words: "collections.deque[str]" = collections.deque()
        self._spoken = threading.Semaphore(0)
        self._peeked: "str | None" = None
        self._at_end = at_end
        # The protocol keeps stdout for itself: whatever else a library prints goes to stderr. It keeps stdin, too: a
        # process forked from here closes its stdin, and would wait for ever for the lock of the thread that reads it.
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._in = os.fdopen(os.dup(0), encoding="utf-8")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        before = _threads()
        threading.Thread(target=self._listen, daemon=True).start()
        # Python has `Thread.native_id` only from 3.8 on, and a worker may be older.
        (self.listener,) = _threads() - before

    def _listen(self) -> None:
        try:
            for line in self._in:
                self._words.append(line.strip())
                self._spoken.release()
        finally:
            self._leave(0)

    def _leave(self, exit_code: int) -> NoReturn:
        try:
            if self._at_end is not None:
                self._at_end()
        finally:
            os._exit(exit_code)

    def pending(self) -> bool:
        """Whether a command has arrived that `take` has not returned yet."""
        return self._peeked is not None or bool(self._words)

    def peek(self) -> str:
        """Sleep until a command arrives, and return it; `take` returns the same one next."""
        if self._peeked is None:
            self._spoken.acquire()
            self._peeked = self._words.popleft()
        return self._peeked

    def take(self) -> str:
        """Sleep until a command arrives, and return it."""
        word = self.peek()
        self._peeked = None
        return word

    def say(self, message: "Mapping[str, object]") -> None:
        """Send one JSON line to the parent. If that fails, the parent counts as dead and the process exits with 1."""
        try:
            self._out.write(json.dumps(message) + "\n")
            self._out.flush()
        except OSError as error:
            sys.stderr.write(f"cannot answer on stdout: {error.strerror}\n")
            self._leave(1)


def serve(
    control: Control,
    measure: "Callable[[Control], Mapping[str, object]]",
    ready: "Mapping[str, object]",
    start: "Callable[[], Mapping[str, object]]" = dict,
) -> NoReturn:
    """Obey the parent for ever: `measure(control)` works and counts until `control.pending()`, then reports.

    It may check results afterwards, unless `control.peek()` is `go`, which must not wait. The parent first gets
    `ready`, and for each command `start` what `start()` returns.
    """
    control.say({"ready": dict(ready)})
    word = control.take()
    while True:
        if word == "start":
            control.say({"started": dict(start())})
            word = control.take()
            continue
        if word != "go":
            raise ValueError(f"expected 'go', got {word!r}")
        report = measure(control)
        word = control.take()
        if word == "stop":
            control.say(report)
            word = control.take()
