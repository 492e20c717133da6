"""Work that another process does meanwhile: most of the time of a report goes into drawing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from colocate.forked import Forked


class Aside:
    """The bytes that `work` returns, from a child. It must change nothing outside of itself."""

    def __init__(self, work: Callable[[], bytes]) -> None:
        self._work, self._child = work, Forked(work)

    def result(self) -> bytes:
        """The bytes, waited for. Those of a child that did not get to its end are made here, and so errors show."""
        with contextlib.closing(self._child) as child:
            said = child.read()
            succeeded = child.fate() == 0
        return said if succeeded else self._work()

    def close(self) -> None:
        """End the child if it is still at work."""
        self._child.close()
