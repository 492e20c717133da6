"""Command lines for a person to copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence


def command_text(command: Sequence[str], width: int) -> str:
    """`command` as a shell takes it, set in, and with backslashes where it would be wider than the terminal. A flag
    and its value stay together, and no word is broken.
    """
    lines = [" "]
    for words in _flags_with_values(command):
        # Two more columns take the backslash.
        if len(lines[-1]) + 1 + len(words) + 2 > width and lines[-1].strip():
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += f" {words}"
    return "\n".join(lines)


def _flags_with_values(command: Sequence[str]) -> Sequence[str]:
    together: list[str] = []
    for before, word in zip(["", *command], command, strict=False):
        if before.startswith("--") and not word.startswith("--"):
            together[-1] += f" {shlex.quote(word)}"
        else:
            together.append(shlex.quote(word))
    return together
