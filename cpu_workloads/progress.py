"""A program's work, counted from the lines that it prints."""

from __future__ import annotations

import math
import re

LINE_BYTES = 1024
"""Of a longer line only the beginning is looked at: what a pattern costs grows faster than the line."""


class Lines:
    """Cuts what is read into lines, however it arrives; a carriage return ends one, too."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[str]:
        """The lines that `data` completes, without their ends."""
        first, *others = data.replace(b"\r", b"\n").split(b"\n")
        parts = [(self._rest + first)[:LINE_BYTES], *(part[:LINE_BYTES] for part in others)]
        self._rest = parts.pop()
        return [part.decode(errors="replace") for part in parts]


class Progress:
    """Counts lines that match a pattern: by the growth of the number in its group, or one each where it has none."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)
        self._last: float | None = None
        self.total = 0.0

    def restart(self) -> None:
        """The program begins anew, and its number at zero."""
        self._last = 0.0

    def take(self, line: str) -> None:
        """Count a line. The first number of a program that was never said to begin is where counting starts. A number
        below the one before has begun at zero again.
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
