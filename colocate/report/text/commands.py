"""Command lines for a person to copy."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n"}


def command_text(command: Sequence[str], width: int) -> str:
    """`command` quoted for a shell and indented, over several lines with backslashes where it is wider than `width`
    columns. A flag and its value stay together, and no word is broken.
    """
    lines = [" "]
    for words in _flags_with_values(command):
        # Two more columns take the backslash.
        if len(lines[-1]) + 1 + len(words) + 2 > width and lines[-1].strip():
            lines[-1] += " \\"
            lines.append("     ")
        lines[-1] += f" {words}"
    return "\n".join(lines)


def shell_word(word: str) -> str:
    r"""`word` as a shell takes it, on one line: one that cannot be shown as it is becomes bash's `$'a\nb'`."""
    return shlex.quote(word) if word.isprintable() else f"$'{''.join(map(_escaped, word))}'"


def _escaped(character: str) -> str:
    """One character between `$'` and `'`."""
    if character in _ESCAPES or character.isprintable():
        return _ESCAPES.get(character, character)
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def _flags_with_values(command: Sequence[str]) -> Sequence[str]:
    together: list[str] = []
    for before, word in zip(["", *command], command, strict=False):
        if before.startswith("--") and not word.startswith("--"):
            together[-1] += f" {shell_word(word)}"
        else:
            together.append(shell_word(word))
    return together
