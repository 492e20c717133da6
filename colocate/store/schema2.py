"""Reads runs of schema 2, whose limits had a quantile such as 0.95. Now they have a percentile such as `p95`."""

from __future__ import annotations

from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """Return the header of a run of schema 2 as JSON of schema 3."""
    if not old["spec"].get("limits"):
        return old
    limits = dict(old["spec"]["limits"])
    limits["percentile"] = f"p{100 * limits.pop('quantile'):.0f}"
    return {**old, "spec": {**old["spec"], "limits": limits}}
