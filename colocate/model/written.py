"""Values as the user wrote them, for what is said of them: `1e308` and not `1e+308`, `true` and not `True`."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping

# Far from where Python gives up, and longer than anyone reads.
_SHOWN_DIGITS = 1_000
_EXPONENT = re.compile(r"e\+?(-?)0*(?=\d)")


class WrittenFloat(float):
    """A number that knows the text that it was read from. What is computed from it is a plain one."""

    def __new__(cls, text: str) -> WrittenFloat:
        """The number that `text` says. Raises ValueError where it says none."""
        made = super().__new__(cls, text)
        made._text = text.strip()
        return made

    _text: str

    def __repr__(self) -> str:
        return self._text

    def __getnewargs__(self) -> tuple[str]:  # type: ignore[override]
        return (self._text,)


class WrittenHz(int):
    """A clock in Hz that knows the MHz that it was asked for by. What is computed from it is a plain number."""

    def __new__(cls, hz: int, mhz: str) -> WrittenHz:
        """`hz`, which the user wrote as `mhz`."""
        made = super().__new__(cls, hz)
        made.mhz = mhz
        return made

    mhz: str

    def __getnewargs__(self) -> tuple[int, str]:  # type: ignore[override]
        return (int(self), self.mhz)


def as_written(value: object) -> str:
    """A value of a study file or of a flag. A text is in quotes; a number that did not keep its own text has the
    shortest that says it.
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
    """Python writes no integer of more than 4,300 digits in decimals."""
    digits = round(value.bit_length() * math.log10(2))
    return repr(value) if digits < _SHOWN_DIGITS else f"a number of about {digits} digits"
