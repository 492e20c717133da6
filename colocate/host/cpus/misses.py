"""Misses of the last-level cache, which the CPU counts for one thread: perf_event_open(2).

Each miss waits for memory. Counting needs a CPU that shows the counter, which few virtual machines do, and
CAP_PERFMON or a /proc/sys/kernel/perf_event_paranoid of at most 2.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import struct
from collections.abc import Iterator
from typing import NamedTuple


class Event(NamedTuple):
    """What is counted: the fields `type` and `config` of struct perf_event_attr."""

    type: int
    config: int


_HARDWARE, _CACHE, _RAW = 0, 3, 4
# Reads of the last level cache (2) that missed (1 in the third byte), in the numbering of perf_event_open(2).
_READ_MISSES = Event(_CACHE, 2 | 1 << 16)
# The number of the system call, and which events are misses of the last level cache there, the best first: the
# general `cache-misses` are the last level's on x86, but the first level's on arm64 (drivers/perf/arm_pmuv3.c). A
# Cortex-A57 has no level after its second, whose misses are L2D_CACHE_REFILL, 0x17.
_BY_MACHINE = {
    "x86_64": (298, (_READ_MISSES, Event(_HARDWARE, 3))),
    "aarch64": (241, (_READ_MISSES, Event(_RAW, 0x17))),
}
_ATTR_SIZE = 112
_EXCLUDE_KERNEL, _EXCLUDE_HV = 1 << 5, 1 << 6
# Beside the count, how long the event was wanted and how long it had a counter, which events share by turns.
_READ_FORMAT = 1 | 2
_READING = struct.Struct("=QQQ")
_NO_GROUP, _ANY_CPU, _CLOEXEC = -1, -1, 8


@contextlib.contextmanager
def misses_of(thread: int, events: tuple[Event, ...] | None = None) -> Iterator[MissCounter | None]:
    """Yield a counter of a thread's cache misses in user space, from now on; None if the machine counts none."""
    call, known = _BY_MACHINE.get(platform.machine(), (None, ()))
    opened = None if call is None else _first(call, thread, known if events is None else events)
    try:
        yield None if opened is None else MissCounter(opened)
    finally:
        if opened is not None:
            os.close(opened)


class MissCounter:
    """The running count of one event in one thread."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def read(self) -> float:
        """Return the number of misses so far. If a hardware counter was free for only part of the time, the number is
        scaled up.
        """
        count, wanted_ns, counted_ns = _READING.unpack(os.read(self._fd, _READING.size))
        return count * wanted_ns / counted_ns if counted_ns else 0.0


def _first(call: int, thread: int, events: tuple[Event, ...]) -> int | None:
    libc = ctypes.CDLL(None)
    for event in events:
        attributes = ctypes.create_string_buffer(_ATTR_SIZE)
        flags = _EXCLUDE_KERNEL | _EXCLUDE_HV
        struct.pack_into("=IIQQQQQ", attributes, 0, event.type, _ATTR_SIZE, event.config, 0, 0, _READ_FORMAT, flags)
        fd: int = libc.syscall(call, attributes, thread, _ANY_CPU, _NO_GROUP, _CLOEXEC)
        if fd >= 0:
            return fd
    return None
