"""Command lines for a person to copy."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n"}


def command_text(command: Sequence[str], width: int) -> str:
    """Return `command` quoted for a shell, indented, and continued with backslashes where it would be wider than
    `width` characters. A flag and its value stay on one line, and no word is broken.
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
    r"""Return `word` quoted for a shell, on one line. If it has unprintable characters, bash's form `$'a\nb'` is
    used.
    """
    return shlex.quote(word) if word.isprintable() else f"$'{''.join(map(_escaped, word))}'"


def _escaped(character: str) -> str:
    """Return one character as bash reads it between `$'` and `'`."""
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
