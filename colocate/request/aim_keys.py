"""Turn keys of limits into the aim of a run without tasks: what makes one setting better than another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

from colocate.errors import SpecError
from colocate.model.limits import parse_percentile
from colocate.model.purpose import Aim, LatencyStatistic
from colocate.model.written import as_written
from colocate.request.limit_keys import LimitChanges, number_of
from colocate.request.needs import Needs, check_needs

_KEYS = ("slo_ms", "percentile", "power_budget_w")
_NEEDS: Needs = {"utility": (("slo_ms",),)}


def changed_aim(aim: Aim, changes: Mapping[str, Any]) -> Aim:
    """Return `aim` with `changes` to its fields. Raises SpecError for a `utility` without a latency limit."""
    changed = dataclasses.replace(aim, **changes)
    check_needs({"utility": changes.get("utility"), "slo_ms": changed.latency_limit_s}, _NEEDS)
    return changed


def aim_fields(changes: LimitChanges) -> dict[str, Any]:
    """Return the fields of an `Aim` that `changes` name. Raises SpecError for keys by which no setting is chosen."""
    given = {key: value for key, value in changes.given.items() if value is not None}
    for key in (*given, *changes.without):
        if key not in _KEYS:
            raise SpecError(f"{key}: networks without tasks are judged by {', '.join(_KEYS)} alone; leave it out")
    fields: dict[str, Any] = {"latency_limit_s": None} if "slo_ms" in changes.without else {}
    if "slo_ms" in given:
        if not 0 < (slo_ms := number_of("slo_ms", given["slo_ms"])) < float("inf"):
            raise SpecError(f"slo_ms: the latency limit must be above 0, not {as_written(given['slo_ms'])}")
        fields["latency_limit_s"] = slo_ms * 1e-3
    if "power_budget_w" in changes.without:
        fields["power_budget_w"] = None
    if "power_budget_w" in given:
        if not 0 < (budget_w := given["power_budget_w"]) < float("inf"):
            raise SpecError(f"power_budget_w: the power budget must be above 0, not {as_written(budget_w)}")
        fields["power_budget_w"] = float(budget_w)
    if "percentile" in given:
        percentile = f"{parse_percentile(given['percentile'])}_s"
        if percentile not in get_args(LatencyStatistic):
            known = ", ".join(name.removesuffix("_s") for name in get_args(LatencyStatistic))
            raise SpecError(
                f"percentile: a setting is chosen by one of {known}, not {as_written(given['percentile'])}"
            )
        fields["quantile"] = percentile
    return fields
