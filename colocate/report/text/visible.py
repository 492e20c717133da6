r"""Make text from outside, such as a file name or a program's message, safe to print.

All printed text passes through here. A character that moves the cursor, rings the bell or reverses the order of
letters is printed as its escape, such as `\x1b`.
"""

from __future__ import annotations

# Of an error message: its start names the key, its end says how to go on, and a value between them may be too long.
LINE_LIMIT = 600


def visible(text: str) -> str:
    """Return `text` with each unprintable character as its escape. Line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def one_line(text: str, limit: int | None = LINE_LIMIT) -> str:
    r"""Return `text` on one line: line breaks become `\n`. Beyond `limit` characters (None is no limit) an ellipsis
    replaces its middle.
    """
    text = visible(text).replace("\n", "\\n")
    if limit is None or len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def _escaped(character: str) -> str:
    # What UTF-8 did not hold in the name of a file is a lone surrogate.
    return character.encode("unicode_escape").decode("ascii")
