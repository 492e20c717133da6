"""The sentences and lists of the page: what was found, warnings and failures, the machine and its networks."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.limits import PERCENTILES, Quantity
from colocate.model.machine import HostFacts, Missing
from colocate.model.number_ranges import number_ranges
from colocate.model.request import Inference
from colocate.model.trial import Failure, TrialRecord
from colocate.report.page.payload import VIEWS, span_words, warnings_of
from colocate.report.text.labels import (
    ContainedTask,
    beside_words,
    clocks_words,
    inference_label,
    inferences_of,
    network_label,
    plain,
    tasks_of,
)
from colocate.report.text.numbers import counted, listed, mhz_text, three_digits
from colocate.store.run_file import Header
from colocate.study.bounds import Bounds
from colocate.study.simplicity import complexity

# Networks that a heading has room for.
_NAMED = 3
# How tasks are paused, in words.
_PAUSING = {
    "cgroup-v2": "the freezer of cgroup v2",
    "cgroup-v1": "the freezer of cgroup v1",
    "signals": "SIGSTOP to each of their processes",
    "model": "simulated",
}
# How CPUs are kept apart, where the fact is no word for readers.
_SEPARATION = {"model": "simulated"}
# What is counted of a network, with its unit.
_AMOUNTS = {"macs": "MAC", "parameters": " parameters", "memory_traffic_bytes": "B of memory traffic"}
_VIEW = {view.key: view for view in VIEWS}


def question(cells: Sequence[Cell]) -> str:
    """The question that the page answers: `Which tasks may run beside googlenet?`"""
    inferences = inferences_of(cells)
    names = list(dict.fromkeys(network_label(each.network, inferences) for each in inferences))
    if len(names) > _NAMED or not names:
        return f"Which tasks may run beside {counted(len(names), 'network') if names else 'the network'}?"
    return f"Which tasks may run beside {listed(names)}?"


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured beside one network in one placement; `how` says how it is run, if networks differ in that."""

    name: str
    how: str
    placement: str
    sentences: Sequence[str]


def findings_of(cells: Sequence[Cell], judged: Iterable[Bounds], confidence: float) -> list[Findings]:
    """Return findings for every network and placement, in the order of `cells`. `judged` are bounds at
    `confidence`.
    """
    inferences, judged = inferences_of(cells), list(judged)
    groups = dict.fromkeys((cell.inference, cell.placement) for cell in cells)
    return [
        Findings(
            *inference_label(inference, inferences),
            placement,
            findings([each for each in judged if _group(each) == (inference, placement)], confidence),
        )
        for inference, placement in groups
    ]


def _group(each: Bounds) -> tuple[Inference, str]:
    return each.evidence.cell.inference, each.evidence.cell.placement


def findings(judged: Sequence[Bounds], confidence: float) -> tuple[str, ...]:
    """Return what the cells of one network and placement show, in a sentence for each quantity."""
    if not judged:
        return ("No task has been measured beside it yet.",)
    tasks = tasks_of([each.evidence.cell for each in judged])
    tails = [q for q in [*PERCENTILES][1:] if any(Quantity.slowdown(q) in each.estimates for each in judged)]
    quantities = [Quantity.SLOWDOWN_P50, *(Quantity.slowdown(q) for q in tails[-1:])]
    sentences = [_slowdown_words(quantity, judged, tasks) for quantity in quantities]
    if not tails:
        sentences.append("No window holds enough inferences to know its tail.")
    sentences += [_power_words(judged), _loss_words(judged, tasks)]
    if any(estimate.interval.lo is not None for each in judged for estimate in each.estimates.values()):
        sentences.append(
            f"All of this holds for all cells at once, at {100 * confidence:g} % confidence. In cells.csv more cells "
            "may look significant: each interval there is for one cell alone, and so narrower."
        )
    return tuple(sentences)


def _slowdown_words(quantity: Quantity, judged: Sequence[Bounds], tasks: Sequence[ContainedTask]) -> str:
    found = _intervals(quantity, judged)
    name = quantity.value.removeprefix("slowdown_")
    if not found:
        return f"How {name} changes is not known in any of {counted(len(judged), 'cell')}."
    bounded = [(each, interval) for each, interval in found if interval.lo is not None]
    shown = [(each, interval) for each, interval in bounded if interval.lo is not None and interval.lo > 1]
    worst = _worst(quantity, shown or found)
    most = f"{_where(worst[0], tasks)}, a factor of {_value_words(quantity, worst[1])}"
    every = len(found) == len(judged)
    if not bounded:
        return f"{name} has no interval yet, it takes two repeats; the largest slowdown seen is beside {most}."
    if shown:
        known = "" if every else " where it is known"
        cells = counted(len(found), "cell")
        return f"{name} rises in {len(shown)} of {cells}{known}. The largest slowdown is beside {most}."
    ends = [interval.hi for _, interval in found if interval.hi is not None]
    bound = (
        f"; a factor above {_text(quantity, max(ends))} is ruled out in every one" if len(ends) == len(found) else ""
    )
    where = "no cell" if every else f"none of the {counted(len(found), 'cell')} where it is known"
    return f"{name} rises significantly in {where}; its largest slowdown, n.s., is beside {most}{bound}."


def _power_words(judged: Sequence[Bounds]) -> str:
    found = _intervals(Quantity.POWER, judged)
    if not found:
        return "The power of the board was not metered."
    least, most = (pick(interval.value for _, interval in found) for pick in (min, max))
    ends = list(dict.fromkeys(_text(Quantity.POWER, value) for value in (least, most)))
    return f"The board draws {' to '.join(ends)} W beside tasks."


def _loss_words(judged: Sequence[Bounds], tasks: Sequence[ContainedTask]) -> str:
    found = _intervals(Quantity.WORK_LOSS, judged)
    if not found:
        return "What tasks lose beside it is not known."
    worst = _worst(Quantity.WORK_LOSS, found)
    return (
        f"{_where(worst[0], tasks)} loses most: beside the network it does "
        f"{_value_words(Quantity.WORK_LOSS, worst[1])} less work than without it."
    )


_Found = tuple[Bounds, Interval]


def _intervals(quantity: Quantity, judged: Sequence[Bounds]) -> list[_Found]:
    return [(each, each.estimates[quantity].interval) for each in judged if quantity in each.estimates]


def _worst(quantity: Quantity, found: Sequence[_Found]) -> _Found:
    """The largest value. Of values with the same text, the one in the simplest setting."""
    largest = _text(quantity, max(interval.value for _, interval in found))
    alike = [pair for pair in found if _text(quantity, pair[1].value) == largest]
    return min(alike, key=lambda pair: complexity(pair[0].evidence.cell))


def _where(each: Bounds, tasks: Sequence[ContainedTask]) -> str:
    cell = each.evidence.cell
    return f"{beside_words(cell, tasks)} at {clocks_words(cell.clocks)}"


def _value_words(quantity: Quantity, interval: Interval) -> str:
    return f"{_text(quantity, interval.value)} {span_words(interval, _VIEW[quantity.value].text)}".rstrip()


def _text(quantity: Quantity, value: float) -> str:
    return _VIEW[quantity.value].text(value)


def warning_rows(cells: Sequence[Cell]) -> list[tuple[str, int, str]]:
    """For each warning its name, how many of `cells` have it, and its remedy."""
    return [
        (warning.value, sum(warning in cell.warnings for cell in cells), warning.remedy)
        for warning in warnings_of(cells)
    ]


def cells_words(cells: Sequence[Cell]) -> str:
    """How many cells there are: `216 cells with a task and 18 of a network alone`."""
    alone = sum(cell.task == SOLO for cell in cells)
    return f"{counted(len(cells) - alone, 'cell')} with a task and {alone} of a network alone"


def failure_rows(failures: Iterable[Failure]) -> list[tuple[str, int]]:
    """Each message of failed trials, and how often it came; the most frequent comes first."""
    return Counter(plain(failure.message) for failure in failures).most_common()


def machine_rows(facts: HostFacts) -> list[tuple[str, Sequence[str]]]:
    """The facts of the machine, each a name with one or more lines. An absent fact has no row."""
    gib = 1 << 30
    rows: list[tuple[str, Sequence[str]]] = [
        ("rig", [facts.rig]),
        ("machine", [facts.machine_id]),
        ("processor", [f"{facts.architecture}: {facts.cpu_model}"]),
        ("CPUs", [f"{len(facts.cpus)}: {number_ranges(facts.cpus, ', ')}"]),
        ("GPUs", facts.gpus),
        ("memory", [f"{facts.memory_bytes / gib:.3g} GiB"] if facts.memory_bytes else []),
        ("last level cache", [f"{facts.last_level_cache_bytes / (1 << 20):g} MiB"]
         if facts.last_level_cache_bytes else []),
        ("kernel", [facts.kernel]),
        ("board as found", [f"{name}: {each}" for name, each in facts.board.words.items()] if facts.board else []),
        ("CPU separation", [_SEPARATION.get(facts.confinement, facts.confinement), facts.confinement_note,
                               "" if facts.cpusets_missing is None else facts.cpusets_missing.reason]),
        ("CPU quota", ["" if facts.quota_cpus is None else f"{facts.quota_cpus:.3g} CPUs of time"]),
        ("task pausing", [_PAUSING.get(facts.pausing, facts.pausing)]),
        ("CPU clock", [_steps(facts.cpu_steps_hz)]),
        ("GPU clock", [_steps(facts.gpu_steps_hz), "set on request only" if facts.gpu_on_request else ""]),
        ("memory clock", [_steps(facts.emc_steps_hz)]),
        ("clocks", _reasons(facts.clocks_missing)),
        ("power rails", [", ".join(facts.rails) or "none: power was not metered"]),
        ("runtimes", [", ".join(facts.backends)]),
        ("probes", [", ".join(facts.probes)]),
        ("runtimes not in use", _reasons(facts.backends_missing)),
        ("versions", [", ".join(f"{name} {version}" for name, version in facts.versions.items())]),
    ]  # fmt: skip
    return [(name, lines) for name, found in rows if (lines := [plain(line) for line in found if line])]


def _reasons(missing: Mapping[str, Missing]) -> list[str]:
    return [f"{name}: {each.reason}" for name, each in missing.items()]


def _steps(steps_hz: Sequence[int]) -> str:
    if not steps_hz:
        return "cannot be set"
    ends = f"{mhz_text(steps_hz[0])} to {mhz_text(steps_hz[-1])} MHz"
    return f"{counted(len(steps_hz), 'step')}, {ends}"


def network_rows(header: Header) -> list[tuple[str, Sequence[str]]]:
    """What was loaded for each network, by its name."""
    return [
        (plain(name), [", ".join(_loaded_words(key, value) for key, value in told.items() if key != "name")])
        for name, told in header.networks.items()
    ]


def _loaded_words(key: str, value: Any) -> str:
    if key in _AMOUNTS and isinstance(value, (int, float)):
        return f"{_prefixed(value)}{_AMOUNTS[key]}"
    return f"{key} {plain(value if isinstance(value, str) else json.dumps(value))}"


def _prefixed(value: float) -> str:
    """`value` with three digits and the SI prefix of its unit: `1.58 G`."""
    for prefix, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{three_digits(value / size)}\u00a0{prefix}"
    return f"{value:g}\u00a0"


def runtime_rows(records: Iterable[TrialRecord]) -> list[tuple[str, Sequence[str]]]:
    """What the runtimes reported of themselves: each fact with every value seen."""
    seen: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for record in records:
        for key, value in record.runtime.items():
            seen[plain(key)][plain(str(value))] = None
    return [(key, list(values)) for key, values in seen.items()]
