"""Tell colocate when your program infers: import this file, or copy it (Python 3.6 or newer, standard library alone).

    with colocate.marks.inference():
        ...

If colocate is not measuring the program, this does nothing.
"""

import contextlib
import os
import stat
import struct
import time
from typing import Iterator  # noqa: UP035 - the newer name cannot be subscripted before Python 3.9


def _pipe() -> int:
    """The descriptor that colocate reads from; -1 if colocate is not measuring, or if a parent process closed it."""
    try:
        descriptor = int(os.environ["COLOCATE_FD"])
        return descriptor if stat.S_ISFIFO(os.fstat(descriptor).st_mode) else -1
    except (KeyError, ValueError, OSError):
        return -1


_DESCRIPTOR = _pipe()


def now_ns() -> int:
    """The present time of CLOCK_MONOTONIC, in nanoseconds."""
    return int(time.monotonic() * 1e9)


def mark(begin_ns: int, end_ns: int) -> None:
    """Report one inference by the times at which it began and ended (see `now_ns`). Any thread may call this."""
    if _DESCRIPTOR >= 0:
        os.write(_DESCRIPTOR, struct.pack("<qq", begin_ns, end_ns))


@contextlib.contextmanager
def inference() -> Iterator[None]:
    """Report the body of the `with` statement as one inference, unless it raises."""
    begin_ns = now_ns()
    yield
    mark(begin_ns, now_ns())
