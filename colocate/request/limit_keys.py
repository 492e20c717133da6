"""The keys of a study that set its limits, what they mean, and how they override those of a run, key by key."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from colocate.errors import SpecError
from colocate.model.limits import CONFIDENCE_MIN, LIMIT_BOUNDS, Limits, parse_percentile
from colocate.model.spelling import unknown
from colocate.model.written import as_written
from colocate.request.needs import Needs, check_needs

# Key of a limit -> its field of Limits, and the factor from the key's unit to the field's.
_LIMITS = {
    "slo_ms": ("slo_s", 1e-3),
    "max_slowdown": ("max_slowdown", 1.0),
    "power_budget_w": ("power_budget_w", 1.0),
    "max_work_loss": ("max_work_loss", 1.0),
}
_MOST = 1e12
# Limits that apply to a percentile of the latency.
_OF_LATENCY = ("slo_ms", "max_slowdown")
_NEEDS: Needs = {"percentile": (_OF_LATENCY,)}
_HOW_TO_JUDGE = ("percentile", "confidence")
LIMIT_KEYS = (*_LIMITS, *_HOW_TO_JUDGE)
# Keys that can be dropped: the others always have a value.
DROPPABLE = tuple(_LIMITS)


@dataclass(frozen=True, slots=True)
class LimitChanges:
    """Changes to a run's limits: those in `given` replace its own, those in `without` are dropped."""

    given: Mapping[str, Any] = field(default_factory=dict)
    without: Collection[str] = ()

    def __post_init__(self) -> None:
        # A string is a collection of strings too, and would be read letter by letter.
        kept = not isinstance(self.without, str) and isinstance(self.without, Collection)
        if not kept or not all(isinstance(key, str) for key in self.without):
            raise SpecError(f"without: give a list of names, as in ['slo_ms'], not {self.without!r}")

    def over(self, study: Limits | None) -> Limits | None:
        """Return the limits in force on a run whose own limits are `study`; None if there are none.

        Raises SpecError for a limit that makes no sense, and for a percentile or confidence without any limit for it.
        """
        given = {key: value for key, value in self.given.items() if value is not None}
        for key in given.keys() - {*LIMIT_KEYS}:
            raise SpecError(unknown(key, LIMIT_KEYS, "limit"))
        for key in self.without:
            if key not in DROPPABLE:
                raise SpecError(unknown(key, DROPPABLE, "limit"))
            if key in given:
                raise SpecError(f"{key}: it is both given and dropped; leave out one of the two")
        fields = {} if study is None else {name: getattr(study, name) for name, _ in _LIMITS.values()}
        fields |= dict.fromkeys((_LIMITS[key][0] for key in self.without), None)
        fields |= {_LIMITS[key][0]: _limit(key, given[key]) for key in _LIMITS if key in given}
        judged = {} if study is None else {key: getattr(study, key) for key in _HOW_TO_JUDGE}
        if all(limit is None for limit in fields.values()) and given.keys().isdisjoint(_HOW_TO_JUDGE):
            return None
        if "percentile" in given:
            check_needs({"percentile": True, **{key: fields.get(_LIMITS[key][0]) for key in _OF_LATENCY}}, _NEEDS)
            judged["percentile"] = parse_percentile(given["percentile"])
        if "confidence" in given:
            judged["confidence"] = _confidence(given["confidence"])
        return Limits(**fields, **judged)

    def flags(self) -> list[str]:
        """Return the words of a command line that ask for the same changes."""
        given = {f"--{key.replace('_', '-')}": value for key, value in self.given.items() if value is not None}
        replaced = [word for flag, value in given.items() for word in (flag, str(value).removesuffix(".0"))]
        return replaced + [word for key in self.without for word in ("--without", key.replace("_", "-"))]


def make_limits(keys: Mapping[str, Any]) -> Limits | None:
    """Return the limits that `keys` name; None if they name none. Raises SpecError for one that makes no sense."""
    return LimitChanges(keys).over(None)


def _limit(key: str, value: object) -> float:
    name, unit = _LIMITS[key]
    limit, bounds = number_of(key, value) * unit, LIMIT_BOUNDS[name]
    if not bounds.hold(limit):
        raise SpecError(f"{key}: {bounds.name} must be {bounds.example}, not {as_written(value)}")
    return limit


def _confidence(value: object) -> float:
    confidence = number_of("confidence", value)
    if not CONFIDENCE_MIN <= confidence < 1:
        raise SpecError(f"confidence {as_written(value)} must lie between 0.5 and 1, as in 0.95")
    return confidence


def number_of(key: str, value: object) -> float:
    """Return the value of a limit as a float. Raises SpecError if it is no number, or beyond ±1e12."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise SpecError(f"{key}: give a number, not {as_written(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if abs(number) > _MOST:
        raise SpecError(f"{key}: give a number of at most {_MOST:g}, not {as_written(value)}")
    return number
