"""Tell colocate when your program infers: import this file, or copy it (Python 3.6 or newer, standard library alone).

    with colocate.marks.inference():
        ...

Where colocate does not measure, nothing happens.
"""

import contextlib
import os
import stat
import struct
import time
from typing import Iterator  # noqa: UP035 - the newer name cannot be subscripted before Python 3.9


def _pipe() -> int:
    """The descriptor that colocate reads; -1 where it does not, or where it was closed on the way here."""
    try:
        descriptor = int(os.environ["COLOCATE_FD"])
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else -1
    except (KeyError, ValueError, OSError):
        return -1


_DESCRIPTOR = _pipe()


def now_ns() -> int:
    """CLOCK_MONOTONIC in nanoseconds."""
    return int(time.monotonic() * 1e9)


def mark(begin_ns: int, end_ns: int) -> None:
    """Report one inference by when it began and ended; from any thread."""
    if _DESCRIPTOR >= 0:
        os.write(_DESCRIPTOR, struct.pack("<qq", begin_ns, end_ns))


@contextlib.contextmanager
def inference() -> Iterator[None]:
    """Report what is inside as one inference, unless it raises."""
    begin_ns = now_ns()
    yield
    mark(begin_ns, now_ns())
