"""Share work between processes: drawing takes most of the time of a report."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from colocate.forked import Forked

_Done = TypeVar("_Done")
# More processes than this save little time and take memory.
_PROCESSES_MAX = 4
# Bytes of each number in the queue.
_WIDTH = 2


class SharedWork(Generic[_Done]):
    """Calls each function of `works` in one of several processes. A process takes the next one that no other took.

    Other processes begin at once, and this one joins in with `results`. The functions must change nothing outside of
    themselves, and wait for no other thread.
    """

    def __init__(self, works: Sequence[Callable[[], _Done]]) -> None:
        self._works = works
        begin, end = os.pipe()
        # Without a buffer: what one process reads another does not.
        self._queue = os.fdopen(begin, "rb", buffering=0)
        with os.fdopen(end, "wb") as queue:
            queue.write(b"".join(number.to_bytes(_WIDTH, "big") for number in range(len(works))))
        processes = min(_PROCESSES_MAX, len(os.sched_getaffinity(0)), len(works))
        self._children = [Forked(lambda: pickle.dumps(self._do())) for _ in range(processes - 1)]

    def results(self) -> list[_Done]:
        """What each function returns, in order. If a process failed, its functions are called again here, so that
        their errors are raised.
        """
        done = self._do()
        for child in self._children:
            said = child.read()
            if child.fate() == 0:
                done |= pickle.loads(said)
        return [done[number] if number in done else work() for number, work in enumerate(self._works)]

    def _do(self) -> dict[int, _Done]:
        """Call functions from the queue until it is empty. Returns their results by number."""
        done = {}
        while taken := self._queue.read(_WIDTH):
            number = int.from_bytes(taken, "big")
            done[number] = self._works[number]()
        return done

    def close(self) -> None:
        """End the processes that are still at work."""
        for child in self._children:
            child.close()
        self._queue.close()
