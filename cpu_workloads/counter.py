"""A stressor's work so far, in memory that the measuring process maps and reads at any moment.

Two places in it each hold a count and the CPU time at which it was reached, and are written in turn. The first number
there says how many counts were written, and so which place is complete. A stressor that is paused while it writes one
place leaves the other whole.
"""

import ctypes
import mmap
import os
from pathlib import Path

_BYTES = mmap.PAGESIZE
# The memory holds doubles: how many counts were written, and from each of these places on a count and its CPU time.
_PLACES = (1, 3)
_TRIES = 100
# MFD_CLOEXEC, linux/memfd.h.
_CLOEXEC = 1


class Counter:
    """The counter in the process that works. Other processes map it by the number of its descriptor."""

    def __init__(self) -> None:
        self.descriptor = _memory_file()
        os.ftruncate(self.descriptor, _BYTES)
        self._values = memoryview(mmap.mmap(self.descriptor, _BYTES)).cast("d")
        self._counts = 0
        self._total = 0.0

    def add(self, work: float, cpu_s: float) -> None:
        """Add `work` to the count; the process has used `cpu_s` seconds of CPU time since it began."""
        self._counts += 1
        self._total += work
        values, place = self._values, _PLACES[self._counts % 2]
        values[place] = self._total
        values[place + 1] = cpu_s
        values[0] = self._counts


def _memory_file() -> int:
    """Return a file in memory without a name: memfd_create(2), which `os` has from Python 3.8 on."""
    create = getattr(os, "memfd_create", None)
    return int(ctypes.CDLL(None).memfd_create(b"work", _CLOEXEC) if create is None else create("work"))


class CounterView:
    """The counter of another process, which keeps it at `descriptor`."""

    def __init__(self, pid: int, descriptor: int) -> None:
        with Path(f"/proc/{pid}/fd/{descriptor}").open("rb") as file:
            self._mapped = mmap.mmap(file.fileno(), _BYTES, access=mmap.ACCESS_READ)
        self._values = memoryview(self._mapped).cast("d")

    def read(self) -> "tuple[float, float]":
        """Return the work so far, and the CPU time in seconds at which that was reached."""
        for _ in range(_TRIES):
            counts = self._values[0]
            place = _PLACES[int(counts) % 2]
            found = self._values[place], self._values[place + 1]
            if self._values[0] == counts:
                break
        return found

    def close(self) -> None:
        """Unmap the counter."""
        self._values.release()
        self._mapped.close()
