"""What was probably meant by a word that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `word` is most like; None where none is like it."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return near[0] if near else None


def unknown(word: str, known: Iterable[str], what: str, among: str = "one of") -> str:
    """A message that `word` is none of `known`; it names the nearest of them, or all."""
    words = list(known)
    near = nearest(word, words)
    hint = f"did you mean '{near}'?" if near else f"give {among} {', '.join(words)}"
    return f"unknown {what} {word!r}; {hint}"
