"""Suggestions for a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the word in `known` that is most similar to `word`; None if no word is similar."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return near[0] if near else None


def unknown(word: str, known: Iterable[str], what: str, among: str = "one of") -> str:
    """Return the message that `word` is an unknown `what`. It suggests the nearest word in `known`, or lists them
    all.
    """
    words = list(known)
    near = nearest(word, words)
    hint = f"did you mean '{near}'?" if near else f"give {among} {', '.join(words)}"
    return f"unknown {what} {word!r}; {hint}"
