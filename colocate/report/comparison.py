"""Two runs -> what changed between them, and what else differs: on a terminal, as Markdown and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.text import Text

from colocate.errors import SpecError
from colocate.report.advice import Shown, escaped, markdown_table, read_standing
from colocate.report.labels import clocks_words, counted, inference_label, inferences_of, plain, shortened
from colocate.report.tables import compact_table, console
from colocate.study.comparison import Change, Comparison, compare
from colocate.study.evidence import Evidence
from colocate.study.model import Cell, Inference, SweepSpec
from colocate.study.plan import NATIVE

# Conditions of a study without which its numbers mean something else.
_CONDITIONS = ("rig", "model", "emc_clock", "inference_cpus")
# Without an interval of one of these nothing could be shown.
_TIMES = ("latency", "slowdown")
# What a study asks for decides which cells it has; the cells say themselves which of them both runs have.
_CELLS = ("inferences", "stressors", "placements", "cpu_clocks", "gpu_clocks")


@dataclass(frozen=True, slots=True)
class Compared:
    """What changed from the run before to the run after, and in what the two `differ` otherwise, in words."""

    comparison: Comparison
    differs: tuple[str, ...]
    notes: tuple[str, ...]


def compare_runs(before: Path, after: Path, max_regression: float, confidence: float) -> Compared:
    """Raises SpecError, which names each reason, for runs that cannot be compared; StoreError for no runs."""
    a, b = _Side.of(read_standing(before)), _Side.of(read_standing(after))
    reasons = list(_reasons(a, b))
    if reasons:
        raise SpecError(f"these runs cannot be compared: {'; '.join(map(plain, reasons))}")
    found = compare(a.evidence, b.evidence, max_regression, confidence)
    if not found.changes:
        raise SpecError("these runs cannot be compared: they have no cell in common that both have measured")
    if not any(
        change.quantity.kind in _TIMES and None not in (change.ratio.lo, change.ratio.hi) for change in found.changes
    ):
        raise SpecError(
            "these runs cannot be compared: no change has an interval; both take two blocks at the least, "
            "and five or more to show much (--repeats)"
        )
    notes = [
        f"{name} is unfinished: {side.shown.done} of {len(side.shown.standing.wanted)} trials."
        for name, side in (("The run before", a), ("The run after", b))
        if not side.shown.standing.finished
    ]
    if any(side.shown.header.spec.until_decided for side in (a, b)):
        notes.append("A run made until decided has fewer blocks of what was clear, and so wider intervals of it.")
    return Compared(found, tuple(map(plain, _differences(a, b))), tuple(notes))


@dataclass(frozen=True, slots=True)
class _Side:
    """A run with its networks by the names of their files, wherever they lay: what is in them is compared."""

    shown: Shown
    evidence: tuple[Evidence, ...]
    networks: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, shown: Shown) -> _Side:
        paths = {i.network for i in shown.header.spec.inferences if i.network.endswith(".onnx")}
        files = [Path(path).name for path in paths]
        names = {path: Path(path).name for path in paths if files.count(Path(path).name) == 1}

        def renamed(label: str) -> str:
            return next((name + label[len(path) :] for path, name in names.items() if label.startswith(path)), label)

        def with_name(each: Evidence) -> Evidence:
            inference = each.cell.inference
            named = dataclasses.replace(inference, network=names.get(inference.network, inference.network))
            return dataclasses.replace(each, cell=dataclasses.replace(each.cell, inference=named))

        return cls(
            shown,
            tuple(map(with_name, shown.standing.evidence)),
            {renamed(label): described for label, described in shown.header.networks.items()},
        )

    def ways(self) -> dict[str, list[Inference]]:
        """The ways in which each network was run."""
        found: dict[str, list[Inference]] = {}
        for each in self.evidence:
            ways = found.setdefault(each.cell.inference.network, [])
            if each.cell.inference not in ways:
                ways.append(each.cell.inference)
        return found


def _reasons(a: _Side, b: _Side) -> Iterator[str]:
    """Why the two cannot be compared."""
    spec_a, spec_b = (_as_left_alone(side.shown.header.spec) for side in (a, b))
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
            was, now = ways_a[network][0], ways_b[network][0]
            for field in dataclasses.fields(Inference):
                if getattr(was, field.name) != getattr(now, field.name):
                    yield _changed(f"{field.name} of {network}", getattr(was, field.name), getattr(now, field.name))
    programs = {stressor.name: stressor.argv for stressor in spec_b.stressors}
    for stressor in spec_a.stressors:
        if programs.get(stressor.name, stressor.argv) != stressor.argv:
            yield f"task {stressor.name} is not the same program"


def _as_left_alone(spec: SweepSpec) -> SweepSpec:
    """`spec` with one word for a memory clock that is left alone."""
    return dataclasses.replace(spec, emc_clock=spec.emc_clock or NATIVE)


def _differences(a: _Side, b: _Side) -> Iterator[str]:
    """In what two comparable runs differ: the machine and its software first, then how they were measured."""
    facts_a, facts_b = a.shown.header.facts, b.shown.header.facts
    for field in dataclasses.fields(facts_a):
        was, now = getattr(facts_a, field.name), getattr(facts_b, field.name)
        if field.name == "versions":
            yield from _changes("", was, now)
        elif field.compare and was != now:
            yield _changed(field.name, was, now)
    yield from _changes("", a.shown.runtimes, b.shown.runtimes)
    spec_a, spec_b = (_as_left_alone(side.shown.header.spec) for side in (a, b))
    for field in dataclasses.fields(spec_a):
        was, now = getattr(spec_a, field.name), getattr(spec_b, field.name)
        if field.name not in _CELLS and was != now:
            yield _changed(field.name, was, now)


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


# ---- the three forms

# Columns by name, and whether their text may be broken into lines.
_COLUMNS = {
    "network": True,
    "beside": True,
    "placement": False,
    "clocks, MHz": False,
    "quantity": True,
    "after/before [interval]": False,
    "change": False,
}


def verdict_words(found: Comparison) -> str:
    """`2 regressions beyond 5 %, 1 improvement among 40 changes looked at`."""
    regressions, improvements = len(found.regressions), len(found.improvements)
    beyond = f" beyond {100 * found.max_regression:g} %" if found.max_regression else ""
    return (
        f"{counted(regressions, 'regression')}{beyond}, {counted(improvements, 'improvement')} "
        f"among {counted(len(found.changes), 'change')} looked at"
    )


def _rows(found: Comparison) -> Iterable[tuple[Change, tuple[str, ...]]]:
    """What was shown to have changed, regressions first."""
    among = inferences_of([change.before for change in found.changes])
    for change in (*found.regressions, *found.improvements):
        cell = change.before
        yield (
            change,
            (
                " ".join(filter(None, inference_label(cell.inference, among))),
                shortened(cell.stressor),
                cell.placement,
                clocks_words(cell).removesuffix(" MHz (CPU/GPU)").removesuffix(" clocks"),
                change.quantity.words,
                _ratio_words(change),
                "worse" if change.regressed else "better",
            ),
        )


def _ratio_words(change: Change) -> str:
    ends = ["?" if end is None else f"{end:.3f}" for end in (change.ratio.lo, change.ratio.hi)]
    return f"{change.ratio.value:.3f} [{', '.join(ends)}]"


def _sentences(compared: Compared) -> list[str]:
    found = compared.comparison
    widths = [change.ratio.hi / change.ratio.value - 1 for change in found.changes if change.ratio.hi is not None]
    said = [
        f"The chance of any regression here where there is none is at most {100 * (1 - found.confidence):.3g} %: "
        f"intervals are widened for {counted(len(found.changes), 'change')} (Bonferroni)."
    ]
    if widths:
        said.append(f"A change is told from about {100 * median(widths):.2g} % on, in the median.")
    if found.blind:
        regression = f"a regression of {100 * found.max_regression:g} %" if found.max_regression else "no regression"
        could = "could not have been told from none" if found.max_regression else "could have been shown"
        said.append(f"In {len(found.blind)} of {counted(len(found.changes), 'change')} {regression} {could}.")
    for name, cells in (("before", found.only_before), ("after", found.only_after)):
        if cells:
            verb = "is" if len(cells) == 1 else "are"
            said.append(f"{counted(len(cells), 'cell')} {verb} only in the run {name}: {_named(cells)}.")
    return [*said, *compared.notes, *(f"Differs: {difference}." for difference in compared.differs)]


def _named(cells: Sequence[Cell], most: int = 5) -> str:
    words = [f"{shortened(c.inference.network)} beside {shortened(c.stressor)} at {clocks_words(c)}" for c in cells]
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")


def print_comparison(compared: Compared) -> None:
    """For a person at a terminal."""
    out = console()
    rows = list(_rows(compared.comparison))
    if rows:
        styles = ["red" if change.regressed else "green" for change, _ in rows]
        table, same = compact_table(_COLUMNS, [row for _, row in rows], styles)
        out.print(table)
        out.print(Text(same))
    for sentence in _sentences(compared):
        out.print(Text(sentence))
    out.print(Text(verdict_words(compared.comparison), style="bold"))


def comparison_markdown(compared: Compared) -> str:
    """A page of Markdown that shows every name as it is, whatever is in it."""
    rows = [row for _, row in _rows(compared.comparison)]
    lines = [f"## {escaped(verdict_words(compared.comparison))}", ""]
    lines += [*markdown_table(list(_COLUMNS), rows), ""] if rows else []
    return "\n".join([*lines, *(f"- {escaped(sentence)}" for sentence in _sentences(compared))])


def comparison_json(compared: Compared) -> dict[str, Any]:
    """All changes, told or not, under names with units; an absent end is null."""
    found = compared.comparison
    return {
        "max_regression": found.max_regression,
        "confidence": found.confidence,
        "regressions": len(found.regressions),
        "improvements": len(found.improvements),
        "blind": len(found.blind),
        "changes": [
            {
                **_cell_json(change.before),
                "quantity": change.quantity.value,
                "ratio": change.ratio.value,
                "lo": change.ratio.lo,
                "hi": change.ratio.hi,
                "detectable_ratio": change.detectable_ratio,
                "regressed": change.regressed,
                "improved": change.improved,
            }
            for change in found.changes
        ],
        "only_before": [_cell_json(cell) for cell in found.only_before],
        "only_after": [_cell_json(cell) for cell in found.only_after],
        "differs": list(compared.differs),
        "notes": list(compared.notes),
    }


def _cell_json(cell: Cell) -> dict[str, Any]:
    place = {"placement": cell.placement, **dataclasses.asdict(cell.clocks)}
    return {**dataclasses.asdict(cell.inference), "stressor": cell.stressor, **place}
