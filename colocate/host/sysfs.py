"""Files of the kernel under a root that is given, so that a test can bring a board in a folder.

Paths are strings as the real machine has them ("/sys/..."): they are what journals and messages name, and
joining strings keeps a reading inside a window cheap.
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
        """The text without its end of line (or the NUL of a device tree); None where it cannot be read."""
        try:
            descriptor = os.open(self._prefix + path, os.O_RDONLY)
            try:
                return os.read(descriptor, _READ_BYTES).decode(errors="replace").strip("\0 \t\n")
            finally:
                os.close(descriptor)
        except OSError:
            return None

    def write(self, path: str, value: str) -> None:
        """Hand the kernel the value as one line; never makes a file. Raises KnobError with the kernel's reason."""
        try:
            descriptor = os.open(self._prefix + path, os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(descriptor, f"{value}\n".encode())
            finally:
                os.close(descriptor)
        except OSError as error:
            raise KnobError(f"{path}: wanted {value}, the kernel refused it: {error.strerror}") from error

    def writable(self, path: str) -> bool:
        """Whether this process may write the file."""
        return os.access(self._prefix + path, os.W_OK)

    def glob(self, pattern: str) -> list[str]:
        """Existing paths, sorted. `pattern` is absolute, as for `read`."""
        return sorted(f"/{path.relative_to(self.root)}" for path in self.root.glob(pattern.lstrip("/")))

    def resolved(self, path: str) -> str:
        """The path without symbolic links. Raises HostError for one that leads out of the root."""
        real = Path(os.path.realpath(self._prefix + path))
        try:
            return f"/{real.relative_to(self.root)}"
        except ValueError as error:
            raise HostError(f"{path} leads out of {self.root}") from error


def read_hz(sysfs: Sysfs, path: str, unit_hz: int = 1) -> int | None:
    """One clock in Hz from a file that counts in `unit_hz` (cpufreq 1000, devfreq 1); None if it shows no number."""
    text = sysfs.read(path)
    return int(text) * unit_hz if text and text.isdecimal() else None


def read_steps_hz(sysfs: Sysfs, path: str, unit_hz: int = 1) -> tuple[int, ...]:
    """A clock table in Hz, rising. Words are skipped: 3.10 kernels end theirs with "(kHz)"."""
    words = (sysfs.read(path) or "").split()
    return tuple(sorted({int(word) * unit_hz for word in words if word.isdecimal()}))
