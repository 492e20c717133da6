"""The ranges of stored numbers. A study file may not ask for values outside of them, so no real run holds any."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any

_DAY_S = 86_400.0
_LENGTH = (0.0, _DAY_S)
_COUNT = (1, 10_000)
_CLOCK_HZ = (1, 1e12)
# Lowest and highest value by field, in any dataclass. Those of a study are as in `request.study_keys`.
_RANGES: Mapping[str, tuple[float, float]] = {
    "repeats": _COUNT,
    "batch": _COUNT,
    "copies": _COUNT,
    "repeat": (0, 10_000),
    "block": (0, 1e9),
    "planned": (0, 1e9),
    "window_s": (1e-6, _DAY_S),
    "own_windows_s": (1e-6, _DAY_S),
    "warmup_s": _LENGTH,
    "settle_s": _LENGTH,
    "segment_s": (1e-6, 10.0),
    "period_s": (1e-6, 10.0),
    "ready_s": _LENGTH,
    "ready_after_s": _LENGTH,
    "group": (0, 1e9),
    "elapsed_s": (1e-9, 1e10),
    # Work of a step under way is estimated, and so a little below none at times.
    "count": (-1e18, 1e18),
    **dict.fromkeys(("cpu_clocks", "gpu_clocks", "emc_clocks"), _CLOCK_HZ),
}
# The same by unit, for all other fields. Times of day are seconds since 1970.
_OF_UNIT: Mapping[str, tuple[float, float]] = {
    "s": (0, 1e10),
    "hz": _CLOCK_HZ,
    "c": (-273.15, 10_000),
    "bytes": (0, 1e18),
}
# Beyond what any quantity of a run reaches in its unit, and short of where sums and squares of them overflow.
_ANY = (-1e30, 1e30)
_MOST_BITS = 128


def check_ranges(noun: object) -> None:
    """Raise ValueError for the first number in `noun` that is out of range, with the field's name."""
    _check(noun, "", _ANY)


def _check(value: Any, name: str, allowed: tuple[float, float]) -> None:
    # Numbers first: a run has hundreds of thousands of them, and little else.
    if isinstance(value, (int, float)):
        low, high = allowed
        # A comparison with NaN is false.
        if not (low <= value <= high or isinstance(value, bool)):
            said = str(value) if isinstance(value, float) or value.bit_length() < _MOST_BITS else "a huge number"
            raise ValueError(f"{name} is {said}; it lies between {low:g} and {high:g}")
    elif value is None or isinstance(value, str):
        return
    elif isinstance(value, (tuple, list)):
        _check_all(value, name, allowed)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            _check(part, name or str(key), allowed)
    elif is_dataclass(value):
        noun: Any = type(value)
        for field, within in _ranges_of(noun):
            part = getattr(value, field)
            # A shortcut without a call: nearly all fields are absent, text, or a plain number within its range.
            kind = type(part)
            if part is None or kind is str or ((kind is float or kind is int) and within[0] <= part <= within[1]):
                continue
            _check(part, field, within)


def _check_all(values: Sequence[Any], name: str, allowed: tuple[float, float]) -> None:
    """Check values that are mostly alike, such as the many segments of a window: one field of all at a time."""
    low, high = allowed
    kinds = {*map(type, values)}
    if kinds <= {type(None), str}:
        return
    if all(issubclass(kind, (int, float)) and kind is not bool for kind in kinds):
        # A sum with NaN is NaN.
        if low <= min(values) and max(values) <= high and not math.isnan(sum(values)):
            return
    elif len(kinds) == 1 and is_dataclass(kind := kinds.pop()):
        for field, within in _ranges_of(kind):
            _check_all([*map(attrgetter(field), values)], field, within)
        return
    for value in values:
        _check(value, name, allowed)


@functools.cache
def _ranges_of(noun: type[Any]) -> tuple[tuple[str, tuple[float, float]], ...]:
    """Return each field of a dataclass with its range."""
    return tuple((field.name, _range_of(field.name)) for field in fields(noun))


def _range_of(name: str) -> tuple[float, float]:
    quantity, _, unit = name.rpartition("_")
    return _RANGES.get(name) or (_ANY if quantity.endswith("_per") else _OF_UNIT.get(unit, _ANY))
