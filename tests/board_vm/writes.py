"""Runs in the guest: counts what is written to knobs, groups and the journal, by whomever, as it is written."""

from __future__ import annotations

import contextlib
import ctypes
import glob
import os
import select
import struct
import time
from collections.abc import Callable

WATCHED = (
    "/sys/devices/system/cpu/cpufreq/policy*",
    "/sys/class/devfreq/*",
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/colocate-*",
    "/var/lib/colocate",
)
# inotify(7): IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE
_MASK = 0x2 | 0x40 | 0x80 | 0x100 | 0x200
_CREATE = 0x100
_EVENT = struct.Struct("iIII")


class Writes:
    """Inside the block, `wait` returns at the n-th write from now."""

    def __enter__(self) -> Writes:
        self._libc = ctypes.CDLL(None)
        self._events = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self._seen = 0
        self._watch()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._events)

    def wait(self, count: int, goes_on: Callable[[], bool], patience_s: float) -> bool:
        """Until so many more writes were seen, or it does not go on: then there will be none. False where it goes on
        and none was seen for so long.
        """
        wanted, latest_s = self._seen + count, time.monotonic()
        while self._seen < wanted:
            readable, _, _ = select.select([self._events], [], [], 0.05)
            if readable:
                self._count()
                latest_s = time.monotonic()
            elif not goes_on():
                return True
            elif time.monotonic() > latest_s + patience_s:
                return False
        return True

    def _watch(self) -> None:
        """A folder that is watched already stays so."""
        for pattern in WATCHED:
            for folder in glob.glob(pattern):  # noqa: PTH207
                self._libc.inotify_add_watch(self._events, os.fsencode(folder), _MASK)

    def _count(self) -> None:
        with contextlib.suppress(BlockingIOError):
            read, at, made = os.read(self._events, 1 << 16), 0, False
            while at < len(read):
                _, mask, _, length = _EVENT.unpack_from(read, at)
                self._seen += 1
                made = made or bool(mask & _CREATE)
                at += _EVENT.size + length
            if made:
                self._watch()
