"""Reads runs of the first edition: turns JSON of schema 1 into JSON of the next schema.

Only this file knows the old names. JSON that does not follow schema 1 raises errors that `store` reports as damage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """Return the header of a run as JSON of the next schema. Reasons were sentences in schema 1, `name: reason`."""
    spec, facts = dict(old["spec"]), dict(old["facts"])
    spec["tasks"] = spec.pop("stressors")
    facts["clocks_missing"] = _missing(facts.pop("clock_notes", ()))
    facts["backends_missing"] = _missing(facts.pop("backend_notes", ()))
    if facts["confinement"] == "affinity" and (reason := facts.pop("confinement_note", "")):
        facts["cpusets_missing"] = {"reason": reason}
    return {
        **old,
        "spec": spec,
        "facts": facts,
        "provenance": old["provenance"] or None,
        "purpose": _purpose(old.get("purpose") or {}),
    }


def trial(old: _Json) -> _Json:
    """Return a trial as JSON of the next schema."""
    new = {**old, "repeat": old["round"], "task": old["stressor"]}
    del new["round"], new["stressor"]
    new["placement"] = {**old["placement"], "task_cpus": old["placement"]["stressor_cpus"]}
    del new["placement"]["stressor_cpus"]
    return new


def scalars(old: _Json) -> _Json:
    """Return the fields of a record that are not arrays as JSON of the next schema."""
    new = {**old, "warnings": old["doubts"]}
    del new["doubts"]
    return new


def _missing(notes: Sequence[str]) -> Mapping[str, _Json]:
    parts = [note.partition(": ") for note in notes]
    return {name: {"reason": reason} for name, _, reason in parts}


def _purpose(old: _Json) -> _Json:
    command = old.get("command", "sweep")
    if command != "layers":
        return {**old, "command": command}
    layer_map = dict(old["anatomy"])
    layer_map["fused_layers"] = layer_map.pop("blocks")
    return {
        "command": command,
        "inference": old["inference"],
        "layer_map": layer_map,
        "subgraphs": old["pieces"],
        "ceilings": old["ceilings"],
    }
