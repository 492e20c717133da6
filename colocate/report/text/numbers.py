"""Numbers as people read them: one formatter for each kind of quantity."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colocate.model.cell import Interval

NOT_SIGNIFICANT = "n.s."
"""The mark beside a value whose interval includes no effect, in every table, figure and page."""


ABSURD = 100.0
"""A slowdown beyond this value shows only that the data are too few: it is printed as `> 100`."""

# Values whose decimals differ by more than this do not share a column's: 0.012 beside 1234.
_SHARED_DECIMALS = 2
# Ends further apart than this are printed one by one: the intervals are symmetric in the logarithm alone.
_WIDE_RATIO = 1.5


def decimals_of(value: float) -> int:
    """Return how many decimals give `value` three significant digits: 2 for 8.10, none for 1234."""
    # Rounding may add a digit, 9.996 to 10.0.
    return max(0, 2 - math.floor(math.log10(abs(float(f"{value:.3g}"))))) if value else 2


def three_digits(value: float, decimals: int | None = None) -> str:
    """Return `value` with three significant digits, or as a whole number from 100 on: 0.0123, 8.10, 1234.

    If `decimals` is given, `value` has that many decimals instead.
    """
    return f"{value:.{decimals_of(value) if decimals is None else decimals}f}"


def shared_decimals(values: Iterable[float]) -> int | None:
    """The number of decimals for a column of `values`: as many as the smallest one needs. None if the values are too
    far apart; then each has its own number.
    """
    needed = [decimals_of(value) for value in values if value]
    if needed and max(needed) - min(needed) > _SHARED_DECIMALS:
        return None
    return max(needed, default=2)


def column_texts(values: Sequence[float | None], scale: float = 1.0) -> list[str]:
    """Return the texts of a column, with the decimals that its values share. Each value is multiplied by `scale`. An
    absent value (None) is empty.
    """
    decimals = shared_decimals(scale * value for value in values if value is not None)
    return ["" if value is None else three_digits(scale * value, decimals) for value in values]


def ms_text(seconds: float) -> str:
    """A time in milliseconds, without the unit: `12.3`."""
    return three_digits(1e3 * seconds)


def mj_text(joules: float) -> str:
    """An energy in millijoules, without the unit."""
    return three_digits(1e3 * joules)


def mhz_text(hz: float) -> str:
    """A clock in MHz, without the unit, as kernels write it: `921.6`."""
    return f"{hz / 1e6:g}"


def ratio_text(value: float, decimals: int = 2) -> str:
    """Return a slowdown: with `decimals` decimals below ten (1.13), with three digits above (12.3), and as `> 100`
    beyond `ABSURD`.
    """
    if value > ABSURD:
        return f"> {ABSURD:g}"
    return f"{value:.{decimals}f}" if value < 10 else three_digits(value)


def ratio_texts(values: Sequence[float], least: int = 2) -> list[str]:
    """Return a slowdown and the ends of its interval, all with the same number of decimals.

    That number is `least`. It is 3 if two decimals would show a value as 1.00, or would show all values alike. If all
    values lie on one side of 1, it grows up to 6 until none rounds to 1. Values from ten on look as in `ratio_text`.
    """
    hidden = min(values) < max(values) and f"{min(values):.2f}" == f"{max(values):.2f}"
    decimals = 3 if hidden or any(f"{value:.2f}" == "1.00" for value in values) else least
    if min(values) > 1 or max(values) < 1:
        while decimals < 6 and any(float(f"{value:.{decimals}f}") == 1 for value in values):
            decimals += 1
    return [ratio_text(value, decimals) for value in values]


def percent_text(value: float) -> str:
    """Return a share in whole per cent: `12 %`. Below -1, as at the end of a wide interval, it is `< -100 %`."""
    return f"{round(100 * value)} %" if value >= -1 else "< -100 %"


def signed_percent(ratio: float) -> str:
    """A difference in per cent with its sign, `+4.5 %`. What rounds to 0 has no sign."""
    return f"{100 * ratio:+.1f} %".replace("-0.0", "0.0").replace("+0.0", "0.0")


def counted(number: int, noun: str) -> str:
    """A number with its noun: `1 cell`, `2 cells`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def counted_span(least: int, most: int, noun: str) -> str:
    """A count, or a range of counts, with its noun: `5 repeats`, `2 to 5 repeats`."""
    return ("" if least == most else f"{least} to ") + counted(most, noun)


def listed(words: Sequence[str]) -> str:
    """One or more `words` as a list in a sentence: `a`, `a and b`, `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def minutes(seconds: float) -> str:
    """A duration: `90 s`, or from two minutes on `18 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def quantity_words(interval: Interval | None, scale: float = 1.0, *, alone: bool = False) -> str:
    """Return a quantity, multiplied by `scale`, with half the width of its interval: `47.1 ±0.31`.

    If the upper end is more than 1.5 times the lower one, both ends are shown: `47.0 [20.0, 110]`. With `alone` no
    interval is shown. An absent quantity is empty.
    """
    if interval is None:
        return ""
    value = three_digits(scale * interval.value)
    if alone or interval.lo is None or interval.hi is None:
        return value
    if interval.hi > _WIDE_RATIO * interval.lo:
        return f"{value} [{three_digits(scale * interval.lo)}, {three_digits(scale * interval.hi)}]"
    half = scale * (interval.hi - interval.lo) / 2
    # Two digits say how wide it is, however narrow, but not beyond what floats are worth.
    most = decimals_of(scale * interval.value) + 2
    decimals = min(max(0, 1 - math.floor(math.log10(half))), most) if half else most
    return f"{value} ±{half:.{decimals}f}" if round(half, decimals) else value


def unbroken(words: str) -> str:
    """Return `words` with a no-break space between each number and its unit."""
    return re.sub(r"(?<=\d) (?=%|(?:s|ms|W|J|MHz|MiB|GiB)\b)", "\u00a0", words)
