"""Reads runs of schema 4, whose studies had one memory clock. Now they have a list, as for CPU and GPU."""

from __future__ import annotations

from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """Return the header of a run of schema 4 as JSON of the next schema: its `spec` and its `request` change."""
    return {**old, "spec": _several(old["spec"]), "request": _several(old.get("request", {}))}


def _several(keys: _Json) -> _Json:
    one = keys.get("emc_clock")
    several = {} if one is None else {"emc_clocks": [one]}
    return {**{key: value for key, value in keys.items() if key != "emc_clock"}, **several}
