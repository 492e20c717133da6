"""Runs of schema 4, read: a study had one memory clock, where it now has some, as of CPU and GPU."""

from __future__ import annotations

from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """The header of a run of schema 4 as JSON of the next schema: what the user asked for, and what it meant."""
    return {**old, "spec": _several(old["spec"]), "request": _several(old.get("request", {}))}


def _several(keys: _Json) -> _Json:
    one = keys.get("emc_clock")
    several = {} if one is None else {"emc_clocks": [one]}
    return {**{key: value for key, value in keys.items() if key != "emc_clock"}, **several}
