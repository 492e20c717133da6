"""Values as the user wrote them, for messages: `1e308` instead of `1e+308`, `true` instead of `True`."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping

# Far below Python's limit, and more than anyone reads.
_SHOWN_DIGITS = 1_000
_EXPONENT = re.compile(r"e\+?(-?)0*(?=\d)")


class WrittenFloat(float):
    """A number that keeps the text that it was read from. Arithmetic with it gives a plain float."""

    def __new__(cls, text: str) -> WrittenFloat:
        """Return the number that `text` stands for. Raises ValueError if it is not a number."""
        made = super().__new__(cls, text)
        made._text = text.strip()
        return made

    _text: str

    def __repr__(self) -> str:
        return self._text

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self._text,)


class WrittenHz(int):
    """A clock in Hz that keeps the text in MHz that the user wrote. Arithmetic with it gives a plain int."""

    def __new__(cls, hz: int, mhz: str) -> WrittenHz:
        """Return the clock of `hz`, which the user wrote as `mhz`."""
        made = super().__new__(cls, hz)
        made.mhz = mhz
        return made

    mhz: str

    def __getnewargs__(self) -> tuple[int, str]:  # type: ignore[override]
        return (int(self), self.mhz)


def as_written(value: object) -> str:
    """Return a value of a study file or of a flag as text. A string is in quotes. A number that does not keep its
    text is written in the shortest way.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not isinstance(value, WrittenFloat):
        return _EXPONENT.sub(r"e\1", repr(float(value))).removesuffix(".0")
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(as_written, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key} = {as_written(each)}' for key, each in value.items())}}}"
    if isinstance(value, int):
        return _whole(value)
    return str(value) if isinstance(value, (datetime.date, datetime.time)) else repr(value)


def _whole(value: int) -> str:
    """Return `value` in decimals, or how many digits it has if there are too many: Python prints at most 4,300."""
    digits = round(value.bit_length() * math.log10(2))
    return repr(value) if digits < _SHOWN_DIGITS else f"a number of about {digits} digits"
