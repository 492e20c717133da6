"""Locks on open files and folders, which the kernel releases when their process ends, however that ends."""

from __future__ import annotations

import fcntl


def locked(descriptor: int) -> bool:
    """Whether this descriptor has the lock now, on what it is open for."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
