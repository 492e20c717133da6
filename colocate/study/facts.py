"""How one machine differs from another, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from colocate.model.machine import HostFacts
from colocate.model.number_ranges import number_ranges

# Facts that differ between any two machines.
_OWN = ("machine_id",)
_NAMES = {
    "cpu_model": "CPU",
    "cpu_steps_hz": "CPU clocks",
    "gpu_steps_hz": "GPU clocks",
    "emc_steps_hz": "memory clocks",
    "cpus": "CPUs",
    "gpus": "GPUs",
    "last_level_cache_bytes": "last level cache",
    "rails": "power rails",
    "pausing": "task pausing",
    "confinement": "CPU separation",
}


def differences(facts: HostFacts, others: HostFacts) -> dict[str, tuple[str, str]]:
    """Return the facts in which two machines differ: name -> (value in `facts`, value in `others`), in words."""
    found: dict[str, tuple[str, str]] = {}
    for field in fields(HostFacts):
        own, theirs = getattr(facts, field.name), getattr(others, field.name)
        if not field.compare or field.name in _OWN or own == theirs:
            continue
        if field.name == "board":
            found |= _of_states(own, theirs)
        elif isinstance(own, Mapping):
            both = sorted({*own, *theirs})
            found |= {
                name: (str(own.get(name, "none")), str(theirs.get(name, "none")))
                for name in both
                if own.get(name) != theirs.get(name)
            }
        else:
            name = _NAMES.get(field.name, field.name.replace("_", " "))
            found[name] = _words(field.name, own), _words(field.name, theirs)
    return found


def _of_states(own: object, theirs: object) -> dict[str, tuple[str, str]]:
    """Return the conditions in which two boards' states differ; those of an unknown state are `unknown`."""
    ours, other = (getattr(state, "conditions", {}) for state in (own, theirs))
    return {
        name: (ours.get(name, "unknown"), other.get(name, "unknown"))
        for name in (ours or other)
        if ours.get(name) != other.get(name)
    }


def _words(name: str, value: object) -> str:
    if name == "cpus" and isinstance(value, tuple):
        return number_ranges(value)
    if isinstance(value, tuple):
        parts = [f"{part / 1e6:g}" for part in value] if name.endswith("_hz") else [str(part) for part in value]
        unit = " MHz" if name.endswith("_hz") and parts else ""
        return f"{', '.join(parts) or 'none'}{unit}"
    return str(value)
