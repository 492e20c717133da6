"""The keys of a study that set its limits, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.errors import SpecError
from colocate.model.limits import LIMIT_BOUNDS, Limits, parse_percentile

# Key of a limit -> its field of Limits, and what one of the key's units is in the field's.
_LIMITS = {
    "slo_ms": ("slo_s", 1e-3),
    "max_slowdown": ("max_slowdown", 1.0),
    "power_budget": ("power_budget_w", 1.0),
    "max_work_loss": ("max_work_loss", 1.0),
}
_HOW_TO_JUDGE = ("percentile", "confidence")
LIMIT_KEYS = (*_LIMITS, *_HOW_TO_JUDGE)


def make_limits(keys: Mapping[str, Any], study: Limits | None = None) -> Limits | None:
    """The limits that `keys` name, which take the place of all of the `study`'s; its percentile and confidence stay
    unless `keys` name others. None where there are neither. Raises SpecError for a limit that makes no sense.
    """
    for key, (field, unit) in _LIMITS.items():
        if (value := keys.get(key)) is not None and not (bounds := LIMIT_BOUNDS[field]).hold(value * unit):
            raise SpecError(f"{key}: {bounds.name} must be {bounds.example}, not {value!r}")
    named = {field: value * unit for key, (field, unit) in _LIMITS.items() if (value := keys.get(key)) is not None}
    judged = {key: value for key in _HOW_TO_JUDGE if (value := keys.get(key)) is not None}
    if "percentile" in judged:
        judged["percentile"] = parse_percentile(judged["percentile"])
    if study is None:
        return Limits(**named, **judged) if named or judged else None
    kept = named or {field: getattr(study, field) for field, _ in _LIMITS.values()}
    return Limits(**kept, **{key: getattr(study, key) for key in _HOW_TO_JUDGE} | judged)
