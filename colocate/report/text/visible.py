r"""Text of others, as of a file name or of a program's message, such that it is seen and does nothing.

All that is printed passes here: what moves a cursor, rings a bell or turns the order of letters around is written as
its escape, `\x1b`.
"""

from __future__ import annotations

# Of an error: what names a key and what says how to go on stand at its ends, a value that is too long between them.
LINE_LIMIT = 600


def visible(text: str) -> str:
    """`text` with each character that cannot be shown as its escape; line breaks stay."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def one_line(text: str, limit: int | None = LINE_LIMIT) -> str:
    r"""`text` on one line, with line breaks as `\n` and an ellipsis in its middle beyond `limit` characters."""
    text = visible(text).replace("\n", "\\n")
    if limit is None or len(text) <= limit:
        return text
    head = limit // 2
    return f"{text[:head]}…{text[len(text) - (limit - head - 1) :]}"


def _escaped(character: str) -> str:
    # What UTF-8 did not hold in the name of a file is a lone surrogate.
    return character.encode("unicode_escape").decode("ascii")
