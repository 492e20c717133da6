"""Find what only a shell would understand, in a command that no shell reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Longer ones first: `&&` is not two `&`.
_OPERATORS = re.compile(r"&&|\|\||>>|<<|[|;<>&]")
_VARIABLE = re.compile(r"\$(?:[A-Za-z_]\w*|[0-9?@*#$!]|\{[^}]*\}?|\(.*)", re.DOTALL)
_BACKTICKS = re.compile(r"`[^`]*`?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_HOME = re.compile(r"~\S*")
# A pattern of file names, and no number, option or address that happens to have a star in it.
_FILES = re.compile(r"\*|(?!-)(?!\w+://)[^=*]*(?:/\*[^=]*|\*/[^=]*|\*\.\w+)")
# Hides a character that is quoted or follows a backslash.
_QUOTED = "\0"


def shell_syntax(line: str) -> str | None:
    """The first part of `line`, not protected by quotes, that a shell would act on; None if there is none."""
    bare, expanded = _bare(line)
    found = [
        (match.start(), match[0])
        for match in (
            _OPERATORS.search(bare),
            _VARIABLE.search(expanded),
            _BACKTICKS.search(expanded),
            *_words(bare),
        )
        if match is not None
    ]
    return min(found)[1] if found else None


def _words(bare: str) -> Iterator[re.Match[str] | None]:
    """Find words that a shell would replace: leading `NAME=...`, `~` for a home, and patterns of files."""
    leading = True
    for word in re.finditer(r"\S+", bare):
        begin, end = word.span()
        leading = leading and _ASSIGNMENT.match(word[0]) is not None
        if leading:
            yield _ASSIGNMENT.match(word.string, begin)
        yield _HOME.match(bare, begin)
        yield _FILES.fullmatch(bare, begin, end)


def _bare(line: str) -> tuple[str, str]:
    """Return the line with quoted characters hidden, and again with those in double quotes visible.

    In double quotes a shell still reads `$` and backticks. Both results are as long as the line.
    """
    bare: list[str] = []
    expanded: list[str] = []
    quote = ""
    characters = iter(line)
    for character in characters:
        if character == "\\" and quote != "'":
            hidden = _QUOTED * (1 + (next(characters, None) is not None))
            bare.append(hidden)
            expanded.append(hidden)
            continue
        opens, closes = not quote and character in "'\"", bool(quote) and character == quote
        if opens or closes:
            quote = character if opens else ""
        quoted = bool(quote) or closes
        bare.append(_QUOTED if quoted else character)
        expanded.append(_QUOTED if quoted and (quote != '"' or opens) else character)
    return "".join(bare), "".join(expanded)
