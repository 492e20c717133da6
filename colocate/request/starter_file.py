"""Make a commented study file for a machine: what it can do, and common choices that are commented out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colocate.model.containment import KINDS
from colocate.model.machine import HostFacts
from colocate.model.request import CLOCK_AXES
from colocate.request.study_file import key_line, tables_of
from colocate.request.study_keys import StudyKeys
from colocate.study.clock_points import LEVELS, default_clocks


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A key of a study file with a first value and its meaning; unless it is `active`, it is commented out."""

    key: str
    value: Any
    comment: str
    active: bool = False


def starter_file(facts: HostFacts, keys: Mapping[str, Any], name: str) -> str:
    """Return the study file `name` for a machine with these `facts`; `keys` are those that the user gave."""
    lines = [
        f"# A study for {_machine(facts)}",
        "#",
        f"# Run it:       python -m colocate sweep {name}",
        f"# The plan:     python -m colocate sweep {name} --dry-run",
        "# All keys:     docs/reference.md, or python -m colocate sweep --help; a flag's key has _ for -;",
        "#               flags that can be repeated are tables, --command is [commands].",
        "#",
        "# A line that begins with '# key =' is a choice that is not made. To make it, remove its '# ', and that of",
        "# the '# [table]' above it, if there is one.",
        "# The other lines are what you gave to init, and sweep's defaults for the rest.",
    ]
    tables = {key: value for key, value in keys.items() if isinstance(value, Mapping)}
    plain = {key: value for key, value in keys.items() if key not in tables}
    sections = _sections(facts)
    for title, suggestions in sections.items():
        lines += ["", f"# --- {title}"]
        for each in suggestions:
            given = each.key in plain
            line = key_line(each.key, plain.pop(each.key, each.value))
            lines.append(f"{'' if given or each.active else '# '}{line}  # {each.comment}")
    if plain:
        lines += ["", "# --- more", *(key_line(key, value) for key, value in plain.items())]
    lines += _commands(facts, tables)
    return "\n".join([*lines, *tables_of(tables), ""])


def _machine(facts: HostFacts) -> str:
    if facts.rig != "host":
        return f"{facts.rig}: a MODEL, not a measurement"
    gpus = ", ".join(facts.gpus) or "no GPU found"
    words = f"this machine: {facts.cpu_words}; {gpus}"
    # A comment of TOML is one line of characters that can be seen.
    return "".join(c if c.isprintable() else " " for c in words)


def _sections(facts: HostFacts) -> Mapping[str, Sequence[Suggestion]]:
    default = StudyKeys()
    rig = {"where it runs": [Suggestion("rig", facts.rig, "a model; without this line this machine", active=True)]}
    return {
        **({} if facts.rig == default.rig else rig),
        "the networks that must be on time": [
            Suggestion("networks", default.networks, "built-in, paths of .onnx files or of engines", active=True),
            Suggestion("batch", 8, "images per inference; default: what the network's file fixes, else 1"),
            Suggestion("period_ms", 33.3, "an inference every so many ms, like a camera; without it back to back"),
        ],
        "the tasks beside them": [
            Suggestion("stressors", default.stressors, "built-in tasks", active=True),
            *_placement(facts),
            Suggestion("containment", _containments(facts), "each task is measured in each of these"),
        ],
        "what must hold: limits, and the percentile that they judge": [
            Suggestion("slo_ms", 30.0, "latency limit in ms"),
            Suggestion("percentile", "p95", "of the latency: p50, p95, p99 or mean"),
            Suggestion("max_slowdown", 1.1, "largest slowdown: 1.1 is 10 % slower"),
            Suggestion("power_budget_w", 10.0, f"power budget in watts, of the whole board{_unmetered(facts)}"),
            Suggestion("max_work_loss", 0.5, "work limit: the share of its work that a task may lose"),
        ],
        "clocks": [*_clocks(facts)],
        "how long": [
            Suggestion("repeats", 10, 'default: 5, or 30 where until = "decided"; more repeats, narrower intervals'),
            Suggestion("window", 5.0, "seconds of one window (default: 2); a slow network or tx1-model lengthens it"),
        ],
    }


def _placement(facts: HostFacts) -> Iterator[Suggestion]:
    if len(facts.cpus) > 1:
        comment = "tasks on other CPUs than the network's; \"shared\": on those and on the network's; or both"
        yield Suggestion("placement", ["isolated"], comment, active=True)
    else:
        yield Suggestion("placement", ["shared"], "there is one CPU, for the network and the tasks", active=True)


def _containments(facts: HostFacts) -> list[str]:
    examples = {"idle": "idle", "weight": "weight=10", "quota": "quota=20%"}
    can = [words for kind, words in examples.items() if kind in KINDS and kind not in facts.containment_missing]
    return ["none", *can]


def _unmetered(facts: HostFacts) -> str:
    return "" if facts.rails else ". There is no power meter here: nothing can judge it"


def _clocks(facts: HostFacts) -> Iterator[Suggestion]:
    default = default_clocks(facts)
    for axis, steps_hz in facts.steps_by_axis.items():
        key = f"{axis}_clocks"
        if steps_hz:
            swept = default[axis] == LEVELS
            span = f"or MHz: {len(steps_hz)} steps from {steps_hz[0] / 1e6:g} to {steps_hz[-1] / 1e6:g}"
            yield Suggestion(key, LEVELS, span if swept else f"{span}; default: native", active=swept)
        else:
            yield Suggestion(key, default[axis], f"the {CLOCK_AXES[axis]} clock cannot be set here", active=True)


def _commands(facts: HostFacts, tables: Mapping[str, Any]) -> list[str]:
    """Return an example of a task of the user's own; nothing for a model, which runs no programs."""
    if facts.rig != StudyKeys().rig or "commands" in tables:
        return []
    heading = "# --- your own programs as tasks (docs/tasks.md)"
    return ["", heading, "# [commands]", '# packer = "gzip -9 -c recording.bin"']
