"""Numbers that the kernel shows as files: opened once, then read with one system call each."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Mapping
from pathlib import Path

from colocate.power.meter import MeterKind

# More digits than any 64-bit number has.
_LONGEST = 32


def open_number(path: Path, stack: contextlib.ExitStack) -> int:
    """A descriptor for `read_number`, closed with `stack`. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


def read_number(descriptor: int) -> float:
    """The number that the file shows now; NaN when the driver fails (EIO, ENODATA) or shows no number."""
    try:
        return float(os.pread(descriptor, _LONGEST, 0))
    except (OSError, ValueError):
        return math.nan


class PowerFiles:
    """A monitor chip whose rails each have one file that shows power, or two whose product is power.

    `watts` is what 1 in those files, or in their product, stands for. Raises OSError when a file cannot be opened.
    """

    kind = MeterKind.POWER

    def __init__(self, rails: Mapping[str, tuple[Path, ...]], watts: float, declared_period_s: float | None) -> None:
        self.rails = tuple(rails)
        self.declared_period_s = declared_period_s
        self._watts = watts
        with contextlib.ExitStack() as stack:
            self._files = [[open_number(path, stack) for path in paths] for paths in rails.values()]
            self._open = stack.pop_all()

    def read(self) -> list[float]:
        """See `Meter.read`."""
        return [math.prod(map(read_number, files)) * self._watts for files in self._files]

    def close(self) -> None:
        """See `Meter.close`."""
        self._open.close()


def text(path: Path) -> str:
    """What a file of one line says; empty where it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def update_interval_s(hwmon: Path) -> float | None:
    """The period that a hwmon chip declares (`update_interval`, in ms); None where it declares none."""
    shown = text(hwmon / "update_interval")
    return int(shown) * 1e-3 if shown.isdigit() and int(shown) else None
