"""Compare two runs: what changed in their results, and what else differs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colocate.errors import SpecError
from colocate.model.limits import Quantity
from colocate.model.network_path import is_file
from colocate.model.request import Inference, Task
from colocate.report.run_report import LoadedRun, load, state_of_run
from colocate.report.text.labels import plain
from colocate.request.design import design_of
from colocate.study.comparison import COMPARED, Comparison, compare, identity
from colocate.study.evidence import Evidence
from colocate.study.stages import StudyState
from colocate.study.training import MEASURED
from colocate.study.verdicts import absence

# Two runs that differ in one of these cannot be compared.
_CONDITIONS = ("rig", "inference_cpus")
# Two runs can be compared if a change of at least one of these kinds has an interval.
_TIMES = ("latency", "slowdown")
# What decides which cells a study has: the comparison itself says which cells only one run has.
_CELLS = ("inferences", "tasks", "placements", "cpu_clocks", "gpu_clocks", "emc_clocks")
# What `_differences` says in other words.
_DESIGN, _MODEL = "alternating", "model"


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed from the run before to the run after. `differs` says in words how else the two runs differ."""

    comparison: Comparison
    differs: tuple[str, ...]
    notes: tuple[str, ...]


def compare_runs(before: Path, after: Path, max_regression: float, confidence: float) -> Compared:
    """Compare the runs in two folders. For `max_regression` and `confidence` see `study.comparison.compare`.

    Raises SpecError, with each reason, if they cannot be compared; StoreError if a folder holds no readable run.
    """
    a, b = _Side.of(load(before)), _Side.of(load(after))
    refused = f"{plain(str(before))} and {plain(str(after))} cannot be compared"
    reasons = list(_reasons(a, b))
    if reasons:
        raise SpecError(f"{refused}: {'; '.join(map(plain, reasons))}; give two runs of the same study")
    found = compare(a.evidence, b.evidence, max_regression, confidence)
    if not found.changes:
        raise SpecError(f"{refused}: {plain(_nothing_in_common(a, b))}")
    if not any(
        change.quantity.kind in _TIMES and None not in (change.ratio.lo, change.ratio.hi) for change in found.changes
    ):
        raise SpecError(
            f"{refused}: no change has an interval; both take at least two repeats, "
            "and five or more to show much (--repeats)"
        )
    notes = [
        f"{name} is unfinished: {len(side.run.records)} of {len(side.state.wanted)} trials done."
        for name, side in (("The run before", a), ("The run after", b))
        if not side.state.finished
    ]
    if before.resolve() == after.resolve():
        notes.append("Before and after are the same run: nothing can have changed.")
    if a.run.header.provenance is not None:
        notes.append("Both runs are of a model: what changed follows from its constants, not from a machine.")
    if any(side.run.header.spec.until_decided for side in (a, b)):
        notes.append("A run made until decided has fewer repeats of what was clear, and so wider intervals of it.")
    if changed := _board_conditions(a, b):
        notes.append(f"The board was set otherwise ({', '.join(changed)}): what changed may follow from that alone.")
    return Compared(found, tuple(map(plain, _differences(a, b))), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two runs. A network from a file is known by the name of the file, without its folder."""

    run: LoadedRun
    state: StudyState
    evidence: tuple[Evidence, ...]
    networks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, run: LoadedRun) -> _Side:
        state = state_of_run(run)
        paths = {i.network for i in run.header.spec.inferences if is_file(i.network)}
        files = [Path(path).name for path in paths]
        names = {path: Path(path).name for path in paths if files.count(Path(path).name) == 1}

        def renamed(label: str) -> str:
            return next((name + label[len(path) :] for path, name in names.items() if label.startswith(path)), label)

        def with_name(each: Evidence) -> Evidence:
            inference = each.cell.inference
            named = dataclasses.replace(inference, network=names.get(inference.network, inference.network))
            return dataclasses.replace(each, cell=dataclasses.replace(each.cell, inference=named))

        return cls(
            run,
            state,
            tuple(map(with_name, state.evidence)),
            {renamed(label): described for label, described in run.header.networks.items()},
        )

    def ways(self) -> dict[str, list[Inference]]:
        """For each network, the ways in which it was run."""
        found: dict[str, list[Inference]] = {}
        for each in self.evidence:
            ways = found.setdefault(each.cell.inference.network, [])
            if each.cell.inference not in ways:
                ways.append(each.cell.inference)
        return found

    @property
    def runtimes(self) -> dict[str, str | int | float | bool]:
        """What each runtime reported about itself, such as its version."""
        return {
            f"{record.trial.inference.backend} {key}": value
            for record in self.run.records
            if record.trial.inference is not None and record.trial.inference.pipeline is None
            for key, value in record.runtime.items()
            if key not in MEASURED
        }


def _reasons(a: _Side, b: _Side) -> Iterator[str]:
    spec_a, spec_b = a.run.header.spec, b.run.header.spec
    made = [side.run.header.purpose.command for side in (a, b)]
    if len({*made}) > 1:
        yield _changed("command", *made)
        return
    yield from (
        _changed(name, getattr(spec_a, name), getattr(spec_b, name))
        for name in _CONDITIONS
        if getattr(spec_a, name) != getattr(spec_b, name)
    )
    for label in a.networks.keys() & b.networks.keys():
        if a.networks[label] != b.networks[label]:
            yield f"what is in network {label} is not the same"
    ways_a, ways_b = a.ways(), b.ways()
    for network in ways_a.keys() & ways_b.keys():
        if set(ways_a[network]).isdisjoint(ways_b[network]):
            yield from _other_way(network, ways_a[network][0], ways_b[network][0])
    programs = {task.name: _programs(task) for task in spec_b.tasks}
    for task in spec_a.tasks:
        if programs.get(task.name, _programs(task)) != _programs(task):
            yield f"task {task.name} is not the same program, or is run in another way"


def _nothing_in_common(a: _Side, b: _Side) -> str:
    """Why no quantity of any cell is known in both runs."""
    sides = {"before": a, "after": b}
    cells = {name: {identity(each.cell): each for each in side.evidence} for name, side in sides.items()}
    common = cells["before"].keys() & cells["after"].keys()
    if not common:
        networks = {name: ", ".join(side.ways()) or "no network" for name, side in sides.items()}
        return (
            f"they have no cell in common: the run before has {networks['before']}, the run after "
            f"{networks['after']}; give two runs of the same study"
        )
    told = [
        f"in the run {name} {' and '.join(reasons)}"
        for name, own in cells.items()
        if (reasons := _absences([each for key, each in own.items() if key in common]))
    ]
    return f"{'; '.join(told)}. `colocate report` says what to do about each"


def _absences(evidence: Sequence[Evidence]) -> list[str]:
    """Why the cells of a run have no latency that counts, each reason once; empty if a compared quantity is known."""
    if any(quantity in each.values for each in evidence for quantity in COMPARED):
        return []
    return list(dict.fromkeys(absence(each, Quantity.LATENCY_P50) for each in evidence))


def _programs(task: Task) -> list[tuple[object, ...]]:
    """What each part of a task runs: a program of the user with its options, or a network."""
    return [(each.argv, each.command, each.inference and each.inference.network) for each in task.members]


def _other_way(network: str, was: Inference, now: Inference) -> Iterator[str]:
    for field in dataclasses.fields(Inference):
        before, after = getattr(was, field.name), getattr(now, field.name)
        if before != after and before and after and field.name == "pipeline":
            yield f"pipeline {network} is not the same program, or is run in another way"
        elif before != after:
            yield _changed(f"{field.name} of {network}", before, after)


def _differences(a: _Side, b: _Side) -> Iterator[str]:
    """How two comparable runs differ: first the machine and its software, then how they were measured."""
    facts_a, facts_b = a.run.header.facts, b.run.header.facts
    constants = list(_constants(a, b))
    yield from constants
    for field in dataclasses.fields(facts_a):
        was, now = getattr(facts_a, field.name), getattr(facts_b, field.name)
        if field.name == "versions":
            yield from _changes("", was, now)
        elif field.name == "board":
            # A run made before boards were looked at shows nothing of it.
            yield from _changes("", was.words, now.words) if was and now else ()
        # The name of a model follows from its constants.
        elif field.compare and was != now and not (constants and field.name == "machine_id"):
            yield _changed(field.name, was, now)
    yield from _changes("", a.runtimes, b.runtimes)
    spec_a, spec_b = a.run.header.spec, b.run.header.spec
    if spec_a.alternating != spec_b.alternating:
        yield _changed("design", design_of(spec_a), design_of(spec_b))
    for field in dataclasses.fields(spec_a):
        was, now = getattr(spec_a, field.name), getattr(spec_b, field.name)
        if field.name not in (*_CELLS, _DESIGN, _MODEL) and was != now:
            yield _changed(field.name, was, now)


def _board_conditions(a: _Side, b: _Side) -> list[str]:
    """The settings that decide how fast a board is and that differ; empty if a run did not record them."""
    was, now = (side.run.header.facts.board for side in (a, b))
    if was is None or now is None:
        return []
    return [name for name, words in was.conditions.items() if words != now.conditions[name]]


def _constants(a: _Side, b: _Side) -> Iterator[str]:
    was, now = (
        {each.name: each for each in side.run.header.provenance.constants} if side.run.header.provenance else {}
        for side in (a, b)
    )
    for name in was.keys() & now.keys():
        if was[name].value != now[name].value:
            unit = "" if now[name].unit in ("", "1", "ratio") else f" {now[name].unit}"
            values = f"{was[name].value:g}{unit} and is {now[name].value:g}{unit}"
            yield f"{name}, a constant of the model ({now[name].kind}), was {values}"


def _changes(prefix: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*was, *now)):
        if was.get(key) != now.get(key):
            yield _changed(f"{prefix}{key}", was.get(key), now.get(key))


def _changed(name: str, was: object, now: object) -> str:
    return f"{name} was {_value(was)} and is {_value(now)}"


def _value(value: object) -> str:
    if value is None or value == ():
        return "none"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        set_ = {k: v for k, v in dataclasses.asdict(value).items() if v is not None}
        return " ".join(f"{key} {part}" for key, part in set_.items())
    if isinstance(value, tuple):
        return " ".join(_value(part) for part in value)
    return str(value)
