"""Kernel files below a given root, so that a test can imitate a board in a folder.

Paths are strings as on the real machine ("/sys/..."), because journals and messages name them. Joining strings keeps
a read inside a window cheap.
"""

from __future__ import annotations

import os
from pathlib import Path

from colocate.errors import HostError, KnobError

# More than any file that is read here holds; sysfs itself ends at one page.
_READ_BYTES = 1 << 16


class Sysfs:
    """Reads and writes kernel files below `root`."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root.resolve()
        self._prefix = str(self.root).rstrip("/")

    def read(self, path: str) -> str | None:
        """Return the text without white space and NULs (of device trees) at its ends; None if it cannot be read."""
        try:
            descriptor = os.open(self._prefix + path, os.O_RDONLY)
            try:
                return os.read(descriptor, _READ_BYTES).decode(errors="replace").strip("\0 \t\n")
            finally:
                os.close(descriptor)
        except OSError:
            return None

    def write(self, path: str, value: str) -> None:
        """Write the value as one line to an existing file. Raises KnobError, with the kernel's reason, if that
        fails.
        """
        try:
            descriptor = os.open(self._prefix + path, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(descriptor, f"{value}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KnobError(f"{path}: wanted {value}, the kernel refused it: {error.strerror}") from error

    def writable(self, path: str) -> bool:
        """Return whether this process may write the file."""
        return os.access(self._prefix + path, os.W_OK)

    def glob(self, pattern: str) -> list[str]:
        """Return the existing paths that match `pattern`, sorted. The pattern is an absolute path, as for `read`."""
        return sorted(f"/{path.relative_to(self.root)}" for path in self.root.glob(pattern.lstrip("/")))

    def resolved(self, path: str) -> str:
        """Return the path without symbolic links. Raises HostError if it leads out of the root."""
        real = Path(os.path.realpath(self._prefix + path))
        try:
            return f"/{real.relative_to(self.root)}"
        except ValueError as error:
            raise HostError(f"{path} leads out of {self.root}") from error


def read_hz(sysfs: Sysfs, path: str, unit_hz: int = 1) -> int | None:
    """Return a clock in Hz from a file that counts in `unit_hz` (cpufreq 1000, devfreq 1); None if it shows no
    number.
    """
    text = sysfs.read(path)
    return int(text) * unit_hz if text and text.isdecimal() else None


def read_steps_hz(sysfs: Sysfs, path: str, unit_hz: int = 1) -> tuple[int, ...]:
    """Return a clock table in Hz, ascending. Words in it are skipped: 3.10 kernels end theirs with "(kHz)"."""
    words = (sysfs.read(path) or "").split()
    return tuple(sorted({int(word) * unit_hz for word in words if word.isdecimal()}))
