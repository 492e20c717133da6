"""A run and limits -> verdicts and a recommendation: on a terminal, as Markdown and as JSON."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from colocate.errors import SpecError, StoreError
from colocate.report.labels import clocks_words, counted, inference_label, inferences_of, plain, shortened
from colocate.report.tables import compact_table, console, minutes, misses_words
from colocate.store import Header, Run
from colocate.study.advice import TURNS, Advice, Check, Choice, Limits, Ruling, Verdict, advise, deciding
from colocate.study.bounds import PROBABLE, once
from colocate.study.limits import Quantity
from colocate.study.model import Cell, Doubt, Inference, Interval
from colocate.study.plan import plan
from colocate.study.saving import Saving, saving
from colocate.study.sequential import Schedule, looks_of
from colocate.study.stages import Standing, standing
from colocate.study.stats import POOL_MIN_CELLS


@dataclass(frozen=True, slots=True)
class Shown:
    """A run as far as it has come: what it is, where it stands, how many of the wanted trials gave numbers, and what
    its `runtimes` said of themselves.
    """

    header: Header
    standing: Standing
    done: int
    runtimes: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    @property
    def schedule(self) -> Schedule | None:
        """The looks of a study that goes on until decided."""
        looks = looks_of(self.header.spec)
        return looks if isinstance(looks, Schedule) else None


def read_standing(folder: Path) -> Shown:
    """The run in `folder`, finished or not. Raises StoreError where there is none that can be read."""
    with Run.read(folder) as run:
        header, records, failed = run.header(), tuple(run.records()), [f.trial for f in run.failures()]
    try:
        stands = standing(plan(header.spec, header.facts), header.spec, records, failed)
    except ValueError as error:
        raise StoreError(f"the run in {folder} is damaged: {error}") from error
    runtimes = {
        f"{record.trial.inference.backend} {key}": value
        for record in records
        if record.trial.inference is not None
        for key, value in record.runtime.items()
    }
    return Shown(header, stands, len(records), runtimes)


@dataclass(frozen=True, slots=True)
class Counsel:
    """The advice on a run, with what must be said beside it; `saving` is of a study that went on until decided."""

    shown: Shown
    advice: Advice
    saving: Saving | None

    @property
    def safe(self) -> bool:
        """Whether anything may run anywhere."""
        return bool(self.advice.choices)

    def count(self, verdict: Verdict) -> int:
        """How many cells have this verdict."""
        return sum(ruling.verdict is verdict for ruling in self.advice.rulings)

    @property
    def correction(self) -> str:
        """What the verdicts of the whole table promise together, in a sentence."""
        looks = "" if (schedule := self.shown.schedule) is None else f" and {len(schedule.rounds)} looks at the table"
        error = f"{100 * (1 - self.advice.limits.confidence):.3g} %"
        cells = counted(self.advice.judged, "cell")
        measured = {q.kind for each in self.shown.standing.evidence if each.colocated for q in each.values}
        kinds = f", the lower bounds for {len(measured)} kinds of limit too" if len(measured) > 1 else ""
        # Fewer variances are left as they are.
        many = self.advice.judged >= POOL_MIN_CELLS
        steadied = ", and variances are steadied over the table (Smyth 2004)" if many else ""
        together = f"Over all {cells} together" if self.advice.judged > 1 else "For the one cell"
        return (
            f"{together} the chance of any wrong SAFE is at most {error}, "
            f"and so is that of any wrong UNSAFE: intervals are widened for {cells}{looks} "
            f"(Bonferroni){kinds}{steadied}."
        )

    @property
    def remedies(self) -> tuple[str, ...]:
        """What to do about each doubt that keeps a limit from being decided on."""
        evidence = {each.cell: each for each in self.shown.standing.evidence}
        met = {
            doubt
            for ruling in self.advice.rulings
            for check in ruling.checks
            if check.verdict is Verdict.UNDECIDED
            for doubts in (evidence[ruling.cell].left_out, evidence[ruling.cell].withheld)
            for doubt in doubts.get(check.quantity, ())
        }
        return tuple(f"{doubt.value}: {doubt.remedy}" for doubt in Doubt if doubt in met)

    @property
    def notes(self) -> tuple[str, ...]:
        """How far the run has come, what its verdicts promise, and what a choice of several tasks means."""
        stands = self.shown.standing
        notes = [self.correction, TURNS, *filter(None, (_more_words(self), _frame_words(self), budget_words(self)))]
        if not stands.finished:
            so_far = f"This run is unfinished, with {self.shown.done} of {len(stands.wanted)} trials"
            schedule = self.shown.schedule
            judged = (
                f"no look has been reached yet (the first comes after {schedule.rounds[0]} rounds)."
                if schedule is not None and not stands.looks
                else "it is judged by its last complete look, and what it has shown stays shown."
                if schedule is not None
                else "it is judged as it stands. To stop as soon as verdicts please breaks their promise: "
                "a sweep --until decided is the way to stop early."
            )
            notes.insert(0, f"{so_far}: {judged}")
        return tuple(notes)


def counsel(shown: Shown, limits: Limits) -> Counsel:
    """What `limits` say of the run. Raises SpecError where there is no task to judge."""
    stands, spec = shown.standing, shown.header.spec
    advice = advise(stands.evidence, limits, shown.schedule or once)
    if not advice.rulings:
        why = "yet" if not stands.finished else "in this run"
        raise SpecError(f"there is nothing to judge {why}: no window of a network beside a task")
    saved = None
    if spec.until_decided and stands.finished:
        decided = sum(ruling.verdict is not Verdict.UNDECIDED for ruling in advice.rulings)
        full_round = plan(dataclasses.replace(spec, repeats=1), shown.header.facts)
        saved = saving(stands.evidence, limits, decided, stands.wanted, full_round)
    return Counsel(shown, advice, saved)


# ---- words


def value_words(quantity: Quantity, value: float) -> str:
    """`value` with its unit as people say it: ms, W, per cent, or a bare ratio."""
    if quantity.kind == "latency":
        return f"{1e3 * value:.4g} ms"
    if quantity.kind == "power":
        return f"{value:.4g} W"
    return f"{100 * value:.3g} %" if quantity.kind == "work" else f"{value:.3f}"


def interval_words(quantity: Quantity, interval: Interval | None) -> str:
    """`12.1 ms [11.8, 12.4]`, an end that is not known as `?`; nothing where the quantity is absent."""
    if interval is None:
        return ""
    lo, hi = ("?" if end is None else value_words(quantity, end).split()[0] for end in (interval.lo, interval.hi))
    return f"{value_words(quantity, interval.value)} [{lo}, {hi}]"


def _limit_words(limits: Limits) -> str:
    return ", ".join(f"{q.words} <= {value_words(q, limit)}" for q, limit in limits.by_quantity.items())


def _remaining(ruling: Ruling) -> str:
    """What would decide an undecided cell."""
    more = "" if ruling.further_blocks is None else f"about {counted(ruling.further_blocks, 'more block')}"
    return "; ".join(filter(None, (more, ruling.reason)))


def _more_words(counsel: Counsel) -> str:
    """How more blocks than the run was made for are had; empty where none are known to help."""
    wanted = [
        ruling.cell.blocks + ruling.further_blocks
        for ruling in counsel.advice.rulings
        if ruling.further_blocks is not None
    ]
    spec = counsel.shown.header.spec
    if not wanted or (spec.until_decided and not counsel.shown.standing.finished):
        return ""
    if (repeats := max(wanted)) <= spec.repeats and not spec.until_decided:
        return "This run has these further blocks still to come: --resume it."
    return (
        f"More blocks take a new run, with --repeats {repeats} for all that would help: to a run whose verdicts were "
        "seen none can be added without breaking their promise."
    )


def _frame_words(counsel: Counsel) -> str:
    """At which frame rates the networks ran; empty where all ran back to back."""
    among = inferences_of(_cells(counsel))
    told = [
        f"{_network(each, among)} gets a frame every {1e3 * each.period_s:g} ms"
        for each in among
        if each.period_s is not None
    ]
    return f"{'; '.join(told)}; missed: frames that took longer, and the longest run of them." if told else ""


def budget_words(counsel: Counsel) -> str:
    """Why a study ended before all was decided: its budget; empty where that was not it."""
    over, budget_s = counsel.shown.standing.over_budget, counsel.shown.header.spec.budget_s
    if over is None or budget_s is None:
        return ""
    return (
        f"The budget of {budget_s:.0f} s ended it: the next look, after {over.rounds} rounds, would take until "
        f"{over.at_s:.0f} s."
    )


def _network(inference: Inference, among: Sequence[Inference]) -> str:
    return " ".join(filter(None, inference_label(inference, among)))


def _turns(choice: Choice) -> str:
    tasks = [shortened(task) for task in choice.tasks]
    return tasks[0] if len(tasks) == 1 else f"{', '.join(tasks[:-1])} and {tasks[-1]} by turns"


def _facts(choice: Choice) -> str:
    """What a choice gets done, at what price, and how far it stays from the limits."""
    facts = [
        "" if choice.work_share is None else f"{100 * choice.work_share:.0f} % of the tasks' best solo work",
        "" if choice.power_w is None else f"{choice.power_w:.3g} W",
        ""
        if choice.work_share_per_j is None
        else f"{1e3 * choice.work_share_per_j:.3g} s of their best solo work per kJ",
        "" if choice.slowdown is None else f"slowdown {choice.slowdown:.3f}",
    ]
    margins = [
        f"{quantity.words} {100 * margin:.1f} %" for quantity, margin in choice.margins.items() if margin is not None
    ]
    return ", ".join(filter(None, facts)) + (f"; left to the limit: {', '.join(margins)}" if margins else "")


def _recommendations(counsel: Counsel) -> list[tuple[str, str]]:
    """Each network with what is recommended for it, in plain words."""
    found = {choice.inference: choice for choice in counsel.advice.recommended}
    among = inferences_of(_cells(counsel))
    said = []
    for inference in among:
        choice = found.get(inference)
        if choice is None:
            open_ = any(
                ruling.verdict is Verdict.UNDECIDED and ruling.cell.inference == inference
                for ruling in counsel.advice.rulings
            )
            words = "nothing is known to be safe yet" if open_ else "nothing is safe within these limits"
        else:
            words = f"{_turns(choice)}, {choice.placement}, at {_clocks(choice)}: {_facts(choice)}"
        said.append((_network(inference, among), words))
    return said


def _clocks(of: Choice | Cell) -> str:
    cell = of if isinstance(of, Cell) else Cell(of.inference, "", of.placement, of.clocks, 0, 0)
    return clocks_words(cell)


def _steps(of: Choice | Cell) -> str:
    """The clocks for a column of MHz."""
    return _clocks(of).removesuffix(" MHz (CPU/GPU)").removesuffix(" clocks")


def _cells(counsel: Counsel) -> list[Cell]:
    return [ruling.cell for ruling in counsel.advice.rulings]


def summary(counsel: Counsel) -> str:
    """`5 SAFE, 2 UNSAFE, 1 UNDECIDED` under which limits."""
    counts = ", ".join(f"{counsel.count(verdict)} {verdict.value}" for verdict in Verdict)
    return f"{counts} with {_limit_words(counsel.advice.limits)}"


def saving_words(counsel: Counsel) -> str:
    """What measuring until decided saved, and against what; empty where that is not known."""
    saved = counsel.saving
    if saved is None:
        return ""
    change = f"{100 * saved.ratio:.0f} % less" if saved.ratio >= 0 else f"{-100 * saved.ratio:.0f} % more"
    return (
        f"Took {minutes(saved.taken_s)} of windows and pauses, {change} than a fixed design that, with "
        f"hindsight of means and scatter, decides as many cells with a chance of {100 * PROBABLE:.0f} % each: "
        f"{counted(saved.fixed_rounds, 'round')} of every cell, {minutes(saved.fixed_s)}."
    )


# ---- the three forms

# Columns by name, and whether their text may be broken into lines.
_COLUMNS = {
    "network": True,
    "beside": True,
    "placement": False,
    "clocks, MHz": False,
    "verdict": False,
    "decided by": True,
    "estimate [interval]": False,
    "limit": False,
    "missed": False,
    "to decide it": True,
}
# Shown however alike the rows are.
_KEPT = ("beside", "verdict", "estimate [interval]", "to decide it")
_STYLES = {Verdict.SAFE: "green", Verdict.UNSAFE: "red", Verdict.UNDECIDED: "yellow"}
_CHOICE_COLUMNS = {
    "network": True,
    "placement": False,
    "clocks, MHz": False,
    "tasks by turns": True,
    "work done": False,
    "power": False,
    "work per kJ": False,
    "slowdown": False,
    "": True,
}


def _rows(counsel: Counsel, remaining: Callable[[Ruling], str]) -> Iterable[tuple[str, ...]]:
    among = inferences_of(_cells(counsel))
    for ruling in counsel.advice.rulings:
        cell, check = ruling.cell, deciding(ruling)
        yield (
            _network(cell.inference, among),
            shortened(cell.stressor),
            cell.placement,
            _steps(cell),
            ruling.verdict.value,
            check.quantity.words,
            interval_words(check.quantity, check.interval),
            value_words(check.quantity, check.limit),
            misses_words(cell),
            remaining(ruling),
        )


def _choice_rows(counsel: Counsel) -> Iterable[tuple[str, ...]]:
    """The Pareto front of each network, and what is recommended."""
    among = inferences_of(_cells(counsel))
    for choice in counsel.advice.choices:
        if choice.on_front or choice.recommended:
            aside = "" if choice.on_front else ", off the front"
            yield (
                _network(choice.inference, among),
                choice.placement,
                _steps(choice),
                ", ".join(map(shortened, choice.tasks)),
                "" if choice.work_share is None else f"{100 * choice.work_share:.0f} %",
                "" if choice.power_w is None else f"{choice.power_w:.3g} W",
                "" if choice.work_share_per_j is None else f"{1e3 * choice.work_share_per_j:.3g} s",
                "" if choice.slowdown is None else f"{choice.slowdown:.3f}",
                f"recommended{aside}" if choice.recommended else "",
            )


_FRONT = (
    "Pareto front: no other choice of the network does as much work for as little power (or slowdown). Work is the "
    "share of the tasks' best solo work, and work per kJ the seconds of it that are done per kilojoule"
)


def print_counsel(counsel: Counsel) -> None:
    """For a person at a terminal: what is recommended comes last, where it stays in sight."""
    out = console()
    rulings = counsel.advice.rulings
    reasons = {reason: str(n) for n, reason in enumerate(dict.fromkeys(r.reason for r in rulings if r.reason), 1)}

    def numbered(ruling: Ruling) -> str:
        more = "" if ruling.further_blocks is None else f"+{counted(ruling.further_blocks, 'block')}"
        return " ".join(filter(None, (more, f"({reasons[ruling.reason]})" if ruling.reason else "")))

    # A table for each network and placement: neither takes a column, and limits stand in the summary.
    tables: defaultdict[str, list[tuple[Ruling, tuple[str, ...]]]] = defaultdict(list)
    for ruling, (network, beside, placement, *row, _, missed, remaining) in zip(
        rulings, _rows(counsel, numbered), strict=True
    ):
        tables[f"{network}, {placement}"].append((ruling, (beside, *row, missed, remaining)))
    columns = {name: broken for name, broken in _COLUMNS.items() if name not in ("network", "placement", "limit")}
    for heading, rows in tables.items():
        table, same = compact_table(columns, [row for _, row in rows], [_STYLES[r.verdict] for r, _ in rows], _KEPT)
        out.print(Text(f"{heading}. {same}".rstrip(), style="bold"))
        out.print(table)
        out.print()
    for reason, number in reasons.items():
        out.print(Text(f"({number}) {reason}"))
    if counsel.safe:
        choices = list(_choice_rows(counsel))
        front, same = compact_table(_CHOICE_COLUMNS, choices, [""] * len(choices))
        out.print(Text(f"{_FRONT}. {same}".rstrip()))
        out.print(front)
        out.print()
    for note in _afterwards(counsel):
        out.print(Text(note))
    out.print()
    out.print(Text(summary(counsel), style="bold"))
    for network, words in _recommendations(counsel):
        out.print(Text.assemble((network, "bold"), ": ", words))


def _afterwards(counsel: Counsel) -> Iterable[str]:
    return filter(None, (*counsel.remedies, *counsel.notes, saving_words(counsel)))


def counsel_markdown(counsel: Counsel) -> str:
    """A page of Markdown that shows every name as it is, whatever is in it."""
    lines = [f"## {escaped(summary(counsel))}", ""]
    lines += [f"- **{escaped(network)}**: {escaped(words)}" for network, words in _recommendations(counsel)]
    lines += ["", *markdown_table(list(_COLUMNS), _rows(counsel, _remaining))]
    if counsel.safe:
        lines += ["", escaped(_FRONT) + ".", "", *markdown_table(list(_CHOICE_COLUMNS), _choice_rows(counsel))]
    for note in _afterwards(counsel):
        lines += ["", escaped(note)]
    return "\n".join(lines)


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, whatever its cells hold."""
    first, *others = (f"| {' | '.join(map(escaped, row))} |" for row in (header, *rows))
    return [first, f"|{' --- |' * len(header)}", *others]


def escaped(text: str) -> str:
    """`text` on one line such that Markdown, GitHub's too, shows just these characters inside a line or a cell: no
    code, link, emphasis, HTML, formula or mention begins in it. CommonMark allows to escape all ASCII punctuation.
    """
    return re.sub(r"([\\`*_{}\[\]<>#!|~&$@]|:(?=//))|(?<=www)(?=\.)", r"\\\1", plain(text), flags=re.IGNORECASE)


def counsel_json(counsel: Counsel, folder: Path) -> dict[str, Any]:
    """All of it under names with units; an absent quantity is null."""
    shown, advice = counsel.shown, counsel.advice
    return {
        "run": str(folder),
        "finished": shown.standing.finished,
        "until_decided": shown.header.spec.until_decided,
        "done": shown.done,
        "wanted": len(shown.standing.wanted),
        "limits": dataclasses.asdict(advice.limits),
        "judged": advice.judged,
        "counts": {verdict.value: counsel.count(verdict) for verdict in Verdict},
        "verdicts": [
            {
                **_place_json(ruling.cell),
                "stressor": ruling.cell.stressor,
                "verdict": ruling.verdict.value,
                "decided_by": deciding(ruling).quantity.value,
                "further_blocks": ruling.further_blocks,
                "open": ruling.open,
                "reason": ruling.reason,
                "miss_ratio": ruling.cell.miss_ratio,
                "longest_miss_run": ruling.cell.longest_miss_run,
                "checks": [_check_json(check) for check in ruling.checks],
            }
            for ruling in advice.rulings
        ],
        "choices": [
            {
                **_place_json(choice),
                "tasks": list(choice.tasks),
                "work_share": choice.work_share,
                "power_w": choice.power_w,
                "work_share_per_j": choice.work_share_per_j,
                "slowdown": choice.slowdown,
                "margins": {quantity.value: margin for quantity, margin in choice.margins.items()},
                "on_front": choice.on_front,
                "recommended": choice.recommended,
            }
            for choice in advice.choices
        ],
        "saving": None
        if counsel.saving is None
        else {**dataclasses.asdict(counsel.saving), "ratio": counsel.saving.ratio},
        "remedies": list(counsel.remedies),
        "notes": list(counsel.notes),
    }


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "quantity": check.quantity.value,
        "limit": check.limit,
        "value": None if check.interval is None else check.interval.value,
        "lo": None if check.interval is None else check.interval.lo,
        "hi": None if check.interval is None else check.interval.hi,
        "verdict": check.verdict.value,
        "margin": check.margin,
        "further_blocks": check.further_blocks,
        "reason": check.reason,
    }


def _place_json(of: Cell | Choice) -> dict[str, Any]:
    return {**dataclasses.asdict(of.inference), "placement": of.placement, **dataclasses.asdict(of.clocks)}
