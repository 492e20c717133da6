"""Runs of schema 2, read: limits stood at a quantile, 0.95, where they now name a percentile, `p95`."""

from __future__ import annotations

from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """The header of a run as JSON of schema 3, from that of schema 2."""
    if not old["spec"].get("limits"):
        return old
    limits = dict(old["spec"]["limits"])
    limits["percentile"] = f"p{100 * limits.pop('quantile'):.0f}"
    return {**old, "spec": {**old["spec"], "limits": limits}}
