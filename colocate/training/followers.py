"""The other ranks of a training, each in a process of its own that steps when this process, rank 0, tells it to.

Between windows they wait for input. They end with this process: their input ends, the kernel kills them, and they
belong to its process group. If one of them ends by itself, this process says so and ends too.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import Any

from colocate.worker import start
from colocate.worker.errors import leave
from colocate.worker.request import Request

# A dead rank breaks the connections of the others, mostly before its end is noticed. Wait for that.
BLAME_S = 2.0


class Followers:
    """The processes of ranks 1 and up."""

    def __init__(self, request: Request, port: int) -> None:
        """Start one process per rank. They meet at this `port` of this machine."""
        self._ended: str | None = None
        self._processes: list[subprocess.Popen[bytes]] = []
        assert request.training is not None
        for rank in range(1, request.training.ranks):
            named = [request.to_json(), str(rank), str(port)]
            command = [sys.executable, str(start.__file__), "colocate.training.rank", *named]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            self._processes.append(process)
            threading.Thread(target=self._watch, args=(rank, process), daemon=True).start()

    def tell(self, word: str) -> None:
        """Tell all other ranks which method of their `Trainer` to call next."""
        for process in self._processes:
            assert process.stdin is not None
            # The thread that watches a rank reports its end.
            with contextlib.suppress(OSError):
                process.stdin.write(f"{word}\n".encode())
                process.stdin.flush()

    def fail(self, why: str) -> None:
        """End this process with one line: which rank ended, if one did, else `why`. Without other ranks it does
        nothing.

        A rank that waits for another one on a GPU cannot be ended in a better way.
        """
        if self._processes:
            deadline_s = time.monotonic() + BLAME_S
            while self._ended is None and time.monotonic() < deadline_s:
                time.sleep(0.01)
            leave(self._ended or why)

    def _watch(self, rank: int, process: Any) -> None:
        said = process.stdout.read().decode(errors="replace").strip().splitlines()
        status = process.wait()
        fate = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        self._ended = f"rank {rank} ended ({fate}): {said[-1] if said else 'it said nothing'}"
        # The main thread may find out by itself, and say so; one that waits on a GPU will not.
        time.sleep(BLAME_S / 2)
        leave(self._ended)
