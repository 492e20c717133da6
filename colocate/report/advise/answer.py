"""The answer in words: for each network what is recommended, and where every other task may run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.containment import containment_words
from colocate.model.limits import Quantity
from colocate.model.request import ClockPoint, Inference
from colocate.report.advise.load import AdviceReport
from colocate.report.advise.words import interval_words, judged_cells, limit_words, value_words
from colocate.report.text.labels import clocks_words, inferences_of, network_words, shortened
from colocate.report.text.numbers import counted, percent_text
from colocate.study.advice import Choice
from colocate.study.verdicts import LimitCheck, Verdict, deciding, left

# A network that takes so many times as long as in the fastest choice is far slower: it is said.
FAR_SLOWER = 1.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of one network: the recommended choice, or why there is none; `more` are further lines."""

    network: str
    recommended: str
    more: tuple[str, ...]


def answers(report: AdviceReport) -> list[Answer]:
    """One answer for each network and way to run it."""
    among = inferences_of(judged_cells(report))
    return [_answer(report, inference, network_words(inference, among)) for inference in among]


def _answer(report: AdviceReport, inference: Inference, network: str) -> Answer:
    choices = [choice for choice in report.advice.choices if choice.cell.inference == inference]
    checks = {ruling.cell: ruling.checks for ruling in report.advice.rulings}
    contained = any(cell.containment is not None for cell in checks)

    def words(choice: Choice) -> str:
        return f"{where(choice.cell, contained=contained)}: {', '.join(_facts(choice, checks[choice.cell]))}"

    recommended = next((choice for choice in choices if choice.recommended), None)
    more = [f"Also SAFE: {words(each)}" for each in choices if each.best_of_task and each is not recommended]
    more += _never_safe(report, inference, {choice.cell.task for choice in choices})
    if recommended is None:
        open_ = any(r.verdict is Verdict.UNDECIDED and r.cell.inference == inference for r in report.advice.rulings)
        why = "nothing is known to be safe yet" if open_ else "nothing is safe within these limits"
        return Answer(network, why, ())
    statistic = report.advice.limits.percentile
    return Answer(network, words(recommended), (*_far_slower(recommended, choices, statistic, contained), *more))


def where(cell: Cell, *, contained: bool) -> str:
    """The task as it ran, and where; `contained` where any task was, so that one without containment is told."""
    bound = cell.containment
    how = f" in containment {containment_words(bound)}" if bound else " without containment" if contained else ""
    clocks = "" if cell.clocks == ClockPoint() else f", at {clocks_words(cell.clocks)}"
    return f"{shortened(cell.task)}{how}, {cell.placement}{clocks}"


def _facts(choice: Choice, checks: Sequence[LimitCheck]) -> Iterator[str]:
    """Its own latency and power, each against its limit, other quantities with one, and how fast the task runs."""
    limited = {check.quantity: check for check in checks}
    usual = {Quantity.LATENCY_P95: choice.cell.p95_s, Quantity.POWER: choice.cell.power_w}
    if any(quantity.kind == "latency" for quantity in limited):
        del usual[Quantity.LATENCY_P95]
    found: Mapping[Quantity, float | None] = {
        **usual, **{quantity: check.interval.value if check.interval else None for quantity, check in limited.items()}
    }  # fmt: skip
    for quantity in Quantity:
        value = found.get(quantity)
        if value is not None:
            name = {"latency": quantity.words.split()[0], "power": ""}.get(quantity.kind, quantity.words)
            check = limited.get(quantity)
            limit = "" if check is None else f" (limit {limit_words(quantity, check.limit).split()[0]})"
            yield f"{name} {value_words(quantity, value)}{limit}".strip()
    if choice.work_share is not None:
        yield f"at {percent_text(choice.work_share)} of its full speed"


def _far_slower(chosen: Choice, choices: Sequence[Choice], statistic: str, contained: bool) -> Iterator[str]:
    """That the network is far slower there than where it is fastest; nothing where it is not."""
    name = statistic if statistic in ("p50", "p95", "p99") else "p50"
    known: list[tuple[float, Choice]] = [
        (latency_s, choice) for choice in choices if (latency_s := getattr(choice.cell, f"{name}_s")) is not None
    ]
    own: float | None = getattr(chosen.cell, f"{name}_s")
    if not known or own is None:
        return
    fastest_s, fastest = min(known, key=lambda pair: pair[0])
    if own > FAR_SLOWER * fastest_s:
        power_w = fastest.cell.power_w
        watts = "" if power_w is None else f", {value_words(Quantity.POWER, power_w)}"
        latency = Quantity.latency(name)
        there, here = value_words(latency, fastest_s), value_words(latency, own)
        yield (
            f"The network is {own / fastest_s:.1f} times as slow there ({name} {here}) as in its fastest SAFE "
            f"choice: {where(fastest.cell, contained=contained)}: {name} {there}{watts}"
        )


def _never_safe(report: AdviceReport, inference: Inference, safe: set[str]) -> Iterator[str]:
    """The tasks that are SAFE in no cell, by the verdict that is left."""
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
    """What is required, each with its verdict and the quantity that decided."""
    said = []
    contained = any(cell.containment is not None for cell in judged_cells(report))
    for each in report.required:
        ruling = min(
            (ruling for ruling in each.rulings if ruling.verdict is each.verdict), key=lambda ruling: left(ruling)
        )
        check = deciding(ruling)
        value = interval_words(check.quantity, check.interval) or "not known"
        limit = limit_words(check.quantity, check.limit)
        cells = len(each.rulings)
        among = "" if cells == 1 else f", the nearest to its limit of {counted(cells, 'cell')}"
        said.append(
            f"Required {shortened(each.text, 60)}: {each.verdict.value}; {check.quantity.words} {value}, "
            f"limit {limit}, {where(ruling.cell, contained=contained)}{among}"
        )
    return said
