"""The answer in words: for each network, where each task runs best, and which tasks are not SAFE anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from colocate.model.cell import Cell
from colocate.model.containment import containment_words
from colocate.model.limits import Quantity
from colocate.model.machine import HostFacts
from colocate.model.request import CLOCK_AXES, ClockPoint, Inference
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.required import Required
from colocate.report.advise.words import interval_words, judged_cells, limit_words, value_words
from colocate.report.text.captions import error_words
from colocate.report.text.labels import bracketed, clocks_words, inferences_of, network_words, shortened
from colocate.report.text.numbers import counted, listed, percent_text
from colocate.study.advice import Choice, more_work
from colocate.study.simplicity import ALIKE_RATIO
from colocate.study.verdicts import LimitCheck, Verdict, deciding, excess, left
from colocate.study.work import NOTHING_RATIO

# From this ratio of latencies on, a network is called far slower than in the fastest choice.
FAR_SLOWER = 1.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said about one network.

    If one task may run, `headline` is its best choice. If several may, it names them, and `more` has a line for each.
    If none may, it says why. `more` also names the tasks that are SAFE nowhere, or only while doing almost nothing.
    """

    network: str
    headline: str
    more: tuple[str, ...]


def answers(report: AdviceReport) -> list[Answer]:
    """One answer for each network in each way it was run."""
    among = inferences_of(judged_cells(report))
    return [_answer(report, inference, network_words(inference, among)) for inference in among]


class Tried(NamedTuple):
    """How many steps of a clock were tried, and how many it has."""

    tried: int
    steps: int


def untried(report: AdviceReport) -> Mapping[str, Tried]:
    """What `untried_clocks` finds in the judged cells of a report."""
    return untried_clocks(judged_cells(report), report.run.header.facts)


def untried_clocks(cells: Iterable[Cell], facts: HostFacts) -> Mapping[str, Tried]:
    """How many steps were tried of each clock (`cpu`, `gpu`, `emc`) that `cells` set to some but not all steps."""
    points = [cell.clocks.by_axis for cell in cells]
    own = {
        axis: Tried(len({clocks[axis] for clocks in points} - {None}), len(steps))
        for axis, steps in facts.steps_by_axis.items()
    }
    return {axis: each for axis, each in own.items() if 0 < each.tried < each.steps}


def untried_words(report: AdviceReport) -> str:
    """A sentence on the clocks of `untried`; empty if there are none."""
    return tried_words(untried(report))


def tried_words(clocks: Mapping[str, Tried]) -> str:
    """How many steps of each of `clocks` were tried, in a sentence; empty if there are no `clocks`."""
    parts = [f"{each.tried} of {each.steps} {CLOCK_AXES[axis]}" for axis, each in clocks.items()]
    return f"Tried: {listed(parts)} clocks; others may allow more." if parts else ""


def rule_words(report: AdviceReport) -> str:
    """How the best choice of each task was picked, in sentences; empty if no task has several useful choices."""
    useful = [choice for choice in report.advice.choices if not choice.idle]
    merits = dict.fromkeys(choice.merit.value for choice in useful if choice.best_of_task)
    if len(useful) == sum(choice.best_of_task for choice in useful):
        return ""
    rule = f"The best choice of a task has the {' or '.join(merits)}."
    return f"{rule} {simpler_words(judged_cells(report))}".rstrip()


def simpler_words(cells: Collection[Cell]) -> str:
    """Which of several nearly equal choices is taken, in a sentence.

    Empty if all `cells` have the same containment and placement.
    """
    preferred = {
        (True, True): "the one with the fewest containment limits is taken, and isolated before shared",
        (True, False): "the one with the fewest containment limits is taken",
        (False, True): "isolated is taken before shared",
    }.get((len({cell.containment for cell in cells}) > 1, len({cell.placement for cell in cells}) > 1))
    near = f"Of the choices at its clocks that come within {percent_text(1 - ALIKE_RATIO)} of it"
    return f"{near}, {preferred}." if preferred else ""


def _answer(report: AdviceReport, inference: Inference, network: str) -> Answer:
    choices = [choice for choice in report.advice.choices if choice.cell.inference == inference]
    checks = {ruling.cell: ruling.checks for ruling in report.advice.rulings}
    contained = any(cell.containment is not None for cell in checks)
    statistic = report.advice.limits.percentile

    def words(choice: Choice) -> str:
        facts = ", ".join(_facts(choice, checks[choice.cell], statistic))
        against = [*_against(choice, choices, statistic, contained=contained), *_within_error(report, choice)]
        return ". ".join((f"{where(choice.cell, contained=contained)}: {facts}", *against))

    # One of each task: no two tasks do the same work, so none stands for another.
    best = [choice for choice in choices if choice.best_of_task]
    more = [words(choice) for choice in best] if len(best) > 1 else []
    if more:
        headline = f"{listed([shortened(choice.cell.task) for choice in best])} may run, one at a time"
    else:
        headline = words(best[0]) if best else _why_none(report, inference, choices)
    more += _never_useful(choices)
    if choices:
        more += _never_safe(report, inference, {choice.cell.task for choice in choices})
    return Answer(network, headline, tuple(more))


def _within_error(report: AdviceReport, choice: Choice) -> Iterator[str]:
    """A remark on each limit that a model keeps by less than its median error."""
    provenance = report.run.header.provenance
    for quantity, margin in choice.margins.items():
        if provenance is None or margin is None:
            continue
        error = provenance.error_of(quantity.kind)
        if error is not None and margin < error.median_ratio:
            yield (
                f"The upper bound of its {quantity.words} is {100 * margin:.1f} % below the limit; "
                f"{error_words(provenance, quantity.kind)}: measure this on your board"
            )


def _why_none(report: AdviceReport, inference: Inference, choices: Sequence[Choice]) -> str:
    open_ = any(r.verdict is Verdict.UNDECIDED and r.cell.inference == inference for r in report.advice.rulings)
    what = "nothing useful" if choices else "nothing"
    return f"{what} is known to be safe yet" if open_ else f"{what} is safe within these limits"


def where(cell: Cell, *, contained: bool) -> str:
    """The task of a cell with its containment, placement and clocks, in words."""
    clocks = "" if cell.clocks == ClockPoint() else f", at {clocks_words(cell.clocks)}"
    return f"{ran(cell, contained=contained)}, {cell.placement}{clocks}"


def ran(cell: Cell, *, contained: bool) -> str:
    """The task of a cell with its containment, in words. If `contained`, a missing one is called `no containment`."""
    bound = containment_words(cell.containment) if cell.containment else "no containment" if contained else ""
    return bracketed(shortened(cell.task), bound)


def _facts(choice: Choice, checks: Sequence[LimitCheck], statistic: str) -> Iterator[str]:
    """The latency and power of a choice, every quantity with a limit, that limit, and how fast the task runs.

    A slowdown without a limit is named only above `FAR_SLOWER`.
    """
    limited = {check.quantity: check for check in checks}
    found: dict[Quantity, float | None] = {
        Quantity.LATENCY_P95: choice.cell.p95_s,
        Quantity.POWER: choice.cell.power_w,
        Quantity.slowdown(statistic): choice.slowdown if (choice.slowdown or 0) > FAR_SLOWER else None,
    }
    if any(quantity.kind == "latency" for quantity in limited):
        del found[Quantity.LATENCY_P95]
    found |= {quantity: check.interval.value if check.interval else None for quantity, check in limited.items()}
    for quantity in Quantity:
        value = found.get(quantity)
        if value is not None:
            name = {"latency": quantity.words.split()[0], "power": ""}.get(quantity.kind, quantity.words)
            check = limited.get(quantity)
            limit = "" if check is None else f" (limit {limit_words(quantity, check.limit).split()[0]})"
            yield f"{name} {value_words(quantity, value)}{limit}".strip()
    if choice.work_share is not None:
        yield f"at {percent_text(choice.work_share)} of its full speed"


def _against(chosen: Choice, choices: Sequence[Choice], statistic: str, *, contained: bool) -> Iterator[str]:
    """Name a choice with more work of the same task and a faster network; else the fastest, if far faster."""
    latencies: Mapping[str, Callable[[Choice], float | None]] = {
        statistic: lambda each: each.latency_s,
        "p50": lambda each: each.cell.p50_s,
    }
    # At a percentile that both know.
    name, own_s = next(((name, own) for name, of in latencies.items() if (own := of(chosen)) is not None), ("", 0.0))
    known = [(s, each) for each in choices if not each.idle and name and (s := latencies[name](each)) is not None]

    def place(latency_s: float, choice: Choice) -> str:
        power_w, latency = choice.cell.power_w, value_words(Quantity.latency(name), latency_s)
        watts = "" if power_w is None else f", {value_words(Quantity.POWER, power_w)}"
        return f"{where(choice.cell, contained=contained)}: {name} {latency}{watts}"

    better = [(s, each) for s, each in known if s < ALIKE_RATIO * own_s and more_work(each, chosen)]
    if better:
        latency_s, most = max(better, key=lambda pair: pair[1].work_share or 0.0)
        share = percent_text(most.work_share or 0.0)
        yield f"For more work and a faster network: {place(latency_s, most)}, at {share} of its full speed"
        return
    fastest_s, fastest = min(known, key=lambda pair: pair[0], default=(own_s, chosen))
    if own_s > FAR_SLOWER * fastest_s:
        yield (
            f"The network is {own_s / fastest_s:.1f} times as slow there as in the fastest of all SAFE choices: "
            f"{place(fastest_s, fastest)}"
        )


def _never_useful(choices: Sequence[Choice]) -> Iterator[str]:
    useful = {choice.cell.task for choice in choices if not choice.idle}
    idle = dict.fromkeys(shortened(choice.cell.task) for choice in choices if choice.cell.task not in useful)
    if idle:
        least = percent_text(NOTHING_RATIO)
        yield f"SAFE only with next to no work done (under {least} of full speed): {', '.join(idle)}"


def _never_safe(report: AdviceReport, inference: Inference, safe: set[str]) -> Iterator[str]:
    tasks: dict[str, set[Verdict]] = {}
    for ruling in report.advice.rulings:
        if ruling.cell.inference == inference and ruling.cell.task not in safe:
            tasks.setdefault(ruling.cell.task, set()).add(ruling.verdict)
    undecided = [shortened(task) for task, met in tasks.items() if Verdict.UNDECIDED in met]
    unsafe = [shortened(task) for task, met in tasks.items() if Verdict.UNDECIDED not in met]
    if undecided:
        yield f"Not decided yet: {', '.join(undecided)}"
    if unsafe:
        yield f"SAFE nowhere: {', '.join(unsafe)}"


def requirements(report: AdviceReport) -> list[str]:
    """A line for each requirement of the user (`--require`): its verdict, and the one cell to look at."""
    contained = any(cell.containment is not None for cell in judged_cells(report))
    idle = {choice.cell for choice in report.advice.choices if choice.idle}
    return [_requirement(each, idle, contained=contained) for each in report.required]


def _requirement(each: Required, idle: Collection[Cell], *, contained: bool) -> str:
    """The line on one requirement. It shows the cell nearest to SAFE, or nearest to its limit if all are SAFE."""
    count = Counter(ruling.verdict for ruling in each.rulings)
    safe, own = each.verdict is Verdict.SAFE, count.pop(each.verdict)
    ruling = min((r for r in each.rulings if r.verdict is each.verdict), key=left if safe else excess)
    check = deciding(ruling)
    value = interval_words(check.quantity, check.interval) or "not known"
    facts = [
        f"{check.quantity.words} {value}",
        f"limit {limit_words(check.quantity, check.limit)}",
        where(ruling.cell, contained=contained),
    ]
    verdict, among = each.verdict.value, own + sum(count.values())
    if among > own:
        verdict = f"{verdict}, as {own} of the {among} cells that it names are"
    if own > 1:
        facts.append(f"the nearest to {'its limit' if safe else 'SAFE'} of these")
    notes = []
    useless = sum(r.cell in idle for r in each.rulings)
    if useless:
        notes.append(f"the task does next to no work in {counted(useless, 'cell')}")
    return "; ".join((f"Required {shortened(each.text, 60)}: {verdict}", ", ".join(facts), *notes))
