"""A program's work, counted from the lines that it prints."""

from __future__ import annotations

import math
import re

LINE_BYTES = 1024
"""Only the beginning of a longer line is matched, because the time for a pattern grows faster than the line."""


class Lines:
    """Cuts what is read into lines, in whatever parts it arrives. A carriage return ends a line, too."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their ends."""
        first, *others = data.replace(b"\r", b"\n").split(b"\n")
        parts = [(self._rest + first)[:LINE_BYTES], *(part[:LINE_BYTES] for part in others)]
        self._rest = parts.pop()
        return [part.decode(errors="replace") for part in parts]


class Progress:
    """Counts lines that match a pattern; if it has a group, the growth of the number in the group counts instead."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self._last: float | None = None
        self.total = 0.0

    def restart(self) -> None:
        """Note that the program begins again, and that its number begins at zero."""
        self._last = 0.0

    def take(self, line: str) -> None:
        """Count a line.

        Without a `restart`, the first number is where counting starts. A number below the one before means that the
        program began again at zero.
        """
        if (match := self._pattern.search(line)) is None:
            return
        if not self._pattern.groups:
            self.total += 1
            return
        try:
            number = float(match[1])
        except (ValueError, TypeError):
            return
        if math.isfinite(number):
            last = number if self._last is None else self._last
            self.total += number - last if number >= last else max(number, 0.0)
            self._last = number
