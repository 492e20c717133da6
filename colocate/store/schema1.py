"""Runs of the first edition, read: the JSON of schema 1 -> that of today's nouns.

Only this file knows the old names. What is not as schema 1 had it ends in the errors that `store` takes for damage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """The header of a run of schema 1 as JSON of the next schema. Reasons were sentences then, `name: reason`."""
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
    """A trial of schema 1 as JSON of the next schema."""
    new = {**old, "repeat": old["round"], "task": old["stressor"]}
    del new["round"], new["stressor"]
    new["placement"] = {**old["placement"], "task_cpus": old["placement"]["stressor_cpus"]}
    del new["placement"]["stressor_cpus"]
    return new


def scalars(old: _Json) -> _Json:
    """What a record holds beside its arrays."""
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
