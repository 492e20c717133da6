"""A file that stays known while a run is written, even if its folder is moved, deleted or replaced."""

from __future__ import annotations

import os
from pathlib import Path


class HeldFile:
    """The file that was at `path` when this was made, wherever it is moved to. End with `close`."""

    def __init__(self, path: Path) -> None:
        """Raises OSError if there is no file at `path`."""
        self._path = path.absolute()
        # A descriptor for reading would, when it is closed, drop the locks that SQLite has on the file (fcntl(2)).
        self._descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW)

    def is_there(self) -> bool:
        """Whether `path` still leads to the file."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.lstat())
        except OSError:
            return False

    def now_at(self) -> Path | None:
        """Return where the file is now; None if it was deleted."""
        if os.fstat(self._descriptor).st_nlink == 0:
            return None
        return Path(os.readlink(f"/proc/self/fd/{self._descriptor}"))  # noqa: PTH115 - no name of a file

    def close(self) -> None:
        """Stop holding the file."""
        os.close(self._descriptor)
