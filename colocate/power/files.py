"""Read numbers that the kernel shows as files: each is opened once, then read with one system call."""

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
    """Return a descriptor for `read_number`, which `stack` closes. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, descriptor)
    return descriptor


def read_number(descriptor: int) -> float:
    """Return the number that the file shows now; NaN if the driver fails (EIO, ENODATA) or shows no number."""
    try:
        return float(os.pread(descriptor, _LONGEST, 0))
    except (OSError, ValueError):
        return math.nan


class PowerFiles:
    """A power monitor chip. Each rail has one file that shows power, or two (voltage and current) whose product is
    power.

    `watts` is the power if the file, or the product, is 1. Raises OSError if a file cannot be opened.
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
    """Return the text of a file of one line; empty if it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def update_interval_s(hwmon: Path) -> float | None:
    """Return the refresh period that a hwmon chip declares (`update_interval`, in ms); None if it declares none."""
    shown = text(hwmon / "update_interval")
    return int(shown) * 1e-3 if shown.isdigit() and int(shown) else None
