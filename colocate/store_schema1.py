"""Runs of the first edition, read: JSON of schema 1 -> JSON of today. Only this file knows the old names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_Json = dict[str, Any]


def header(old: _Json) -> _Json:
    """The header. Reasons stood there as sentences, `name: reason`."""
    spec, facts = dict(old["spec"]), dict(old["facts"])
    spec["tasks"] = spec.pop("stressors")
    clocks, backends = facts.pop("clock_notes", ()), facts.pop("backend_notes", ())
    facts["clocks_missing"] = _missing(clocks)
    facts["backends_missing"] = _missing(backends)
    if facts["confinement"] == "affinity":
        facts["cpusets_missing"] = {"reason": facts.pop("confinement_note", "")}
    return {
        **old,
        "spec": spec,
        "facts": facts,
        "provenance": old["provenance"] or None,
        "purpose": _purpose(old.get("purpose") or {}),
    }


def trial(old: _Json) -> _Json:
    """A trial."""
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


def _missing(notes: list[str]) -> Mapping[str, _Json]:
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
