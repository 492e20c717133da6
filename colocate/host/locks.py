"""Locks on open files and folders. The kernel releases them when their process ends, however it ends."""

from __future__ import annotations

import fcntl


def locked(descriptor: int) -> bool:
    """Try to lock the open file or folder `descriptor`, without waiting. Return whether it holds the lock now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
