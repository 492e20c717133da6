"""A terminal of so many columns, as the kernel makes one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import sys
import termios
import threading
from collections.abc import Callable
from unittest.mock import patch

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def shown_on_a_terminal(columns: int, show: Callable[[], object]) -> str:
    """What `show` writes to stdout and stderr while both are a terminal, line by line, without colours.

    The file descriptors are the terminal's, not only `sys.stdout`: its width is asked of them.
    """
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    chunks: list[bytes] = []
    reader = threading.Thread(target=_read, args=(master, chunks))
    reader.start()
    # As a terminal says how wide it is, nothing else does.
    plain = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "FORCE_COLOR")}
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    try:
        for descriptor in (1, 2):
            os.dup2(terminal, descriptor)
        os.close(terminal)
        with (
            open(1, "w", closefd=False) as out,
            open(2, "w", closefd=False) as error,
            patch.dict(os.environ, {**plain, "TERM": "xterm"}, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(error),
        ):
            show()
    finally:
        for descriptor, own in zip((1, 2), saved, strict=True):
            os.dup2(own, descriptor)
            os.close(own)
        reader.join()
        os.close(master)
    return _CONTROL.sub("", b"".join(chunks).decode()).replace("\r\n", "\n")


def _read(master: int, chunks: list[bytes]) -> None:
    # The kernel answers EIO once nobody holds the other end.
    with contextlib.suppress(OSError):
        while chunk := os.read(master, 65536):
            chunks.append(chunk)
