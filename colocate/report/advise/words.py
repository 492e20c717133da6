"""Verdicts and recommendations in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from colocate.model.cell import Cell, Interval
from colocate.model.limits import Limits, Quantity
from colocate.model.quality import QualityFlag, in_order
from colocate.report.advise.load import AdviceReport
from colocate.report.text.captions import model_words
from colocate.report.text.causes import cause_lines
from colocate.report.text.designs import design_sentences
from colocate.report.text.labels import inferences_of, network_words
from colocate.report.text.numbers import (
    counted,
    decimals_of,
    minutes,
    ms_text,
    ratio_text,
    shared_decimals,
    three_digits,
)
from colocate.study.bounds import PROBABLE
from colocate.study.verdicts import Verdict, deciding

# What shares of full speed are shares of.
FULL_SPEED = "Full speed (100 %) is the highest that a task reached alone, in any setting."
WORK_LOST = "Work lost compares a task's speed with and without the network in one setting."

# For each kind of quantity, the factor to the unit that is shown, and that unit.
_UNITS = {"latency": (1e3, "ms"), "power": (1.0, "W"), "work": (100.0, "%"), "slowdown": (1.0, "")}

# Warnings that change which windows a verdict rests on, or say that it holds under a quota only.
_BESIDE_A_VERDICT = (QualityFlag.ALTERNATION_DIFFERS, QualityFlag.PAUSED_LATE, QualityFlag.QUOTA_THROTTLED)


def value_words(quantity: Quantity, value: float, decimals: int | None = None) -> str:
    """`value`, which is in s, W or a ratio, as text in ms, W or %; a slowdown has no unit.

    `decimals` are those of a table's column; None for three significant digits.
    """
    if quantity.kind == "slowdown":
        return ratio_text(value, 3)
    scale, unit = _UNITS[quantity.kind]
    if quantity.kind == "work" and value < -1:
        return "< -100 %"
    return f"{three_digits(scale * value, decimals)} {unit}"


def limit_words(quantity: Quantity, limit: float) -> str:
    """`limit`, which is in s, W or a ratio, in the unit of the user: `30 ms`, `9 W`, `1.1`."""
    scale, unit = _UNITS[quantity.kind]
    return f"{scale * limit:.6g} {unit}".rstrip()


def interval_words(quantity: Quantity, interval: Interval | None, decimals: int | None = None) -> str:
    """An interval as `12.1 ms [11.8, 12.4]`, with `?` for an unknown end; empty if `interval` is None.

    All numbers have `decimals`; if that is None, as many as three significant digits of the value need.
    """
    if interval is None:
        return ""
    if decimals is None:
        decimals = decimals_of(_UNITS[quantity.kind][0] * interval.value)
    value, lo, hi = (
        "?" if number is None else value_words(quantity, number, decimals)
        for number in (interval.value, interval.lo, interval.hi)
    )
    unit = _UNITS[quantity.kind][1]
    return f"{value} [{lo.removesuffix(unit).rstrip()}, {hi.removesuffix(unit).rstrip()}]"


def column_decimals(report: AdviceReport) -> Mapping[Quantity, int | None]:
    """How many decimals the estimates of each quantity have in the table of verdicts; None if each has its own."""
    values: defaultdict[Quantity, list[float]] = defaultdict(list)
    for ruling in report.advice.rulings:
        check = deciding(ruling)
        if check.interval is not None:
            values[check.quantity].append(_UNITS[check.quantity.kind][0] * check.interval.value)
    return {quantity: shared_decimals(found) for quantity, found in values.items()}


def summary(report: AdviceReport) -> str:
    """How many cells have each verdict, under which limits: `5 SAFE, 2 UNSAFE, 1 UNDECIDED with ...`."""
    counts = ", ".join(f"{report.count(verdict)} {verdict.value}" for verdict in Verdict)
    model = model_words(report.run.header.facts)
    return f"{counts} with {_limits_words(report.advice.limits)}" + (f" ({model})" if model else "")


def _limits_words(limits: Limits) -> str:
    return ", ".join(f"{q.words} <= {limit_words(q, limit)}" for q, limit in limits.by_quantity.items())


def correction(report: AdviceReport) -> str:
    """The error guarantee that holds for all verdicts of the run together, in sentences."""
    looks = "" if (schedule := report.schedule) is None else f" and for {len(schedule.repeats)} looks at the table"
    error = f"{100 * (1 - report.advice.limits.confidence):.3g} %"
    kinds = len({q.kind for each in report.state.evidence if each.colocated for q in each.values})
    changed = report.advice.limits != report.run.header.spec.limits
    later = chosen_later_words(kinds, report.advice.limits.confidence) if changed else ""
    verdicts = f"all {report.advice.judged} verdicts together" if report.advice.judged > 1 else "the one verdict"
    model = ", if the model is true" if model_words(report.run.header.facts) else ""
    promise = (
        f"For {verdicts} the chance of any wrong SAFE is at most {error}, and so is that of any wrong UNSAFE{model}: "
        f"intervals are widened for that{looks} (Bonferroni; docs/statistics.md)."
    )
    return f"{promise} {later}".strip()


def chosen_later_words(kinds: int, confidence: float) -> str:
    """What choosing limits after seeing the result does to the error guarantee, in a sentence.

    `kinds` counts the kinds of quantity (latency, power ...) that can have a limit; empty if only one can.
    """
    if kinds < 2:
        return ""
    each, all_ = (100 * min(1.0, share * (1 - confidence)) for share in (1, kinds))
    return (
        f"If you choose limits after seeing the result, the chance of any wrong SAFE is at most {all_:.3g} %: "
        f"{each:.3g} % for each of the {kinds} kinds of limit."
    )


def remedies(report: AdviceReport) -> tuple[str, ...]:
    """What to do about each warning that keeps a limit undecided, or changes what a verdict rests on."""
    evidence = {each.cell: each for each in report.state.evidence}
    met = {
        warning
        for ruling in report.advice.rulings
        for check in ruling.checks
        if check.verdict is Verdict.UNDECIDED
        for warnings in (evidence[ruling.cell].left_out, evidence[ruling.cell].withheld)
        for warning in warnings.get(check.quantity, ())
    }
    met |= {warning for cell in judged_cells(report) for warning in cell.warnings if warning in _BESIDE_A_VERDICT}
    return tuple(f"{warning.value}: {warning.remedy}" for warning in in_order(met))


def notes(report: AdviceReport) -> tuple[str, ...]:
    """How far the run has come, what its terms mean, and what its verdicts guarantee and rest on."""
    state = report.state
    found = [FULL_SPEED] if any(each.work_share is not None for each in report.state.evidence) else []
    found += [WORK_LOST] if Quantity.WORK_LOSS in report.advice.limits.by_quantity else []
    found += [correction(report), *_design_words(report)]
    found += filter(None, (_more_words(report), _frame_words(report), budget_words(report)))
    if not state.finished:
        so_far = f"This run is unfinished, with {len(report.run.records)} of {len(state.wanted)} trials"
        schedule = report.schedule
        judged = (
            f"no look has been reached yet (the first comes after {schedule.repeats[0]} repeats)."
            if schedule is not None and not state.looks
            else "it is judged by its last complete look, and what it has shown stays shown."
            if schedule is not None
            else "it is judged as it stands. To stop as soon as verdicts please breaks their promise: "
            "a sweep --until decided is the way to stop early."
        )
        found.insert(0, f"{so_far}: {judged}")
    return tuple(found)


def _design_words(report: AdviceReport) -> tuple[str, ...]:
    return design_sentences(report.run.header, judged_cells(report), report.run.records)


def _more_words(report: AdviceReport) -> str:
    """How to get the repeats that would probably decide the UNDECIDED cells; empty if none are known to help."""
    wanted = [
        (ruling.cell.blocks + ruling.further_blocks, ruling.further_blocks)
        for ruling in report.advice.rulings
        if ruling.further_blocks is not None
    ]
    spec = report.run.header.spec
    if not wanted or (spec.until_decided and not report.state.finished):
        return ""
    repeats, more = max(wanted)
    if repeats <= spec.repeats and not spec.until_decided:
        return "This run has these repeats still to come: --resume it."
    return (
        f"To decide these cells, make a new run with --repeats {repeats}, the {repeats - more} of this run and "
        f"{more} more. Repeats added to this run, whose verdicts were seen, would void their error guarantee."
    )


def _frame_words(report: AdviceReport) -> str:
    """The frame periods of the networks that have one; empty if all networks ran back to back."""
    among = inferences_of(judged_cells(report))
    told = [
        f"{network_words(each, among)} gets a frame every {ms_text(each.period_s)} ms"
        for each in among
        if each.period_s is not None
    ]
    return f"{'; '.join(told)}; missed: frames that took longer, and the longest run of them." if told else ""


def budget_words(report: AdviceReport) -> str:
    """A sentence for a study that its time budget ended before all cells were decided; empty for any other."""
    over, budget_s = report.state.over_budget, report.run.header.spec.budget_s
    if over is None or budget_s is None:
        return ""
    return (
        f"The budget of {budget_s:.0f} s ended it: the next look, after {over.repeats} repeats, would take until "
        f"{over.at_s:.0f} s."
    )


def saving_words(report: AdviceReport) -> str:
    """How much time sequential stopping saved against a fixed design, in a sentence; empty if that is not known."""
    saved = report.saving
    if saved is None:
        return ""
    change = f"{100 * saved.ratio:.0f} % less" if saved.ratio >= 0 else f"{-100 * saved.ratio:.0f} % more"
    return (
        f"Took {minutes(saved.taken_s)} of windows and pauses, {change} than a fixed design that, with "
        f"hindsight of means and scatter, decides as many cells with a chance of {100 * PROBABLE:.0f} % each: "
        f"{counted(saved.fixed_repeats, 'repeat')} of every cell, {minutes(saved.fixed_s)}."
    )


def afterwards(report: AdviceReport) -> Iterable[str]:
    """The lines below the tables: remedies, causes of extra time, notes, and what sequential stopping saved."""
    return filter(None, (*remedies(report), *unsafe_causes(report), *notes(report), saving_words(report)))


def unsafe_causes(report: AdviceReport) -> list[str]:
    """For tasks that make a network too slow: what takes most of its extra time, and what to do about it."""
    return cause_lines(
        ruling.cell
        for ruling in report.advice.rulings
        if any(c.verdict is Verdict.UNSAFE and c.quantity.kind in ("latency", "slowdown") for c in ruling.checks)
    )


def judged_cells(report: AdviceReport) -> list[Cell]:
    """The cells that have a verdict, in the order of the tables."""
    return [ruling.cell for ruling in report.advice.rulings]
