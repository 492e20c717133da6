"""Numbers as people read them: one formatter for each kind of quantity."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from colocate.model.cell import Interval

NOT_SIGNIFICANT = "n.s."
"""Beside a value whose interval includes that of no effect, in every table, figure and page."""


ABSURD = 100.0
"""A slowdown beyond this says only how little is known: it is shown as `> 100`."""

# Values whose decimals differ by more than this do not share a column's: 0.012 beside 1234.
_SHARED_DECIMALS = 2
# Ends further apart than this are printed one by one: the intervals are symmetric in the logarithm alone.
_WIDE_RATIO = 1.5


def decimals_of(value: float) -> int:
    """How many decimals three significant digits take: 2 of 8.1, none of 1234."""
    # Rounding may add a digit, 9.996 to 10.0.
    return max(0, 2 - math.floor(math.log10(abs(float(f"{value:.3g}"))))) if value else 2


def three_digits(value: float, decimals: int | None = None) -> str:
    """`value` to three significant digits or the whole number, never with an exponent above: 0.0123, 8.10, 1234.

    `decimals` are those of its column.
    """
    return f"{value:.{decimals_of(value) if decimals is None else decimals}f}"


def shared_decimals(values: Iterable[float]) -> int | None:
    """The decimals of a column: as many as its smallest value needs. None where its values are too far apart, and
    each has its own.
    """
    needed = [decimals_of(value) for value in values if value]
    if needed and max(needed) - min(needed) > _SHARED_DECIMALS:
        return None
    return max(needed, default=2)


def column_texts(values: Sequence[float | None], scale: float = 1.0) -> list[str]:
    """The texts of a column with the decimals that its values share; empty where one is absent."""
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
    """A slowdown: with so many decimals below ten (1.13), with three digits above (12.3), beyond `ABSURD` `> 100`."""
    if value > ABSURD:
        return f"> {ABSURD:g}"
    return f"{value:.{decimals}f}" if value < 10 else three_digits(value)


def ratio_texts(values: Sequence[float], least: int = 2) -> list[str]:
    """A slowdown and the ends of its interval, with as many decimals as each other. From ten on as `ratio_text`.

    Two, or the `least`; three where one of them is 1.00 with two, or two would hide the interval; four to six where
    all lie on one side of 1 and fewer would hide that.
    """
    hidden = min(values) < max(values) and f"{min(values):.2f}" == f"{max(values):.2f}"
    decimals = 3 if hidden or any(f"{value:.2f}" == "1.00" for value in values) else least
    if min(values) > 1 or max(values) < 1:
        while decimals < 6 and any(float(f"{value:.{decimals}f}") == 1 for value in values):
            decimals += 1
    return [ratio_text(value, decimals) for value in values]


def percent_text(value: float) -> str:
    """A share as whole per cent: `12 %`; few blocks can give an end of -10 million, which shows as `< -100 %`."""
    return f"{round(100 * value)} %" if value >= -1 else "< -100 %"


def signed_percent(ratio: float) -> str:
    """A difference as per cent with its sign: `+4.5 %`; what rounds to nothing has none."""
    return f"{100 * ratio:+.1f} %".replace("-0.0", "0.0").replace("+0.0", "0.0")


def counted(number: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def counted_span(least: int, most: int, noun: str) -> str:
    """`5 repeats`, or `2 to 5 repeats`."""
    return ("" if least == most else f"{least} to ") + counted(most, noun)


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last


def minutes(seconds: float) -> str:
    """`90 s`, or from two minutes on `18 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def quantity_words(interval: Interval | None, scale: float = 1.0, *, alone: bool = False) -> str:
    """A quantity with half the width of its interval, `47.1 ±0.31`, or where that is wide and uneven with its ends:
    `47 [20, 110]`; `alone` without either; empty where it is absent.
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
    """`words` with every unit on the line of its number."""
    return re.sub(r"(?<=\d) (?=%|(?:s|ms|W|J|MHz|MiB|GiB)\b)", "\u00a0", words)
