"""What changed, in words and as the rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from colocate.model.cell import SOLO, Cell
from colocate.report.compare.load import Compared
from colocate.report.text.labels import (
    ContainedTask,
    beside_words,
    clocks_column,
    clocks_words,
    inferences_of,
    network_words,
    shortened,
    tasks_of,
)
from colocate.report.text.numbers import counted
from colocate.study.comparison import Change, Comparison

# Columns by name, and whether their text may be broken into lines.
COLUMNS = {
    "network": True,
    "beside": True,
    "placement": False,
    "CPU/GPU MHz": False,
    "quantity": True,
    "after/before [interval]": False,
    "change": False,
}
# Shown even if all rows are the same.
KEPT = ("beside", "quantity", "after/before [interval]", "change")
# Left out where a terminal is too narrow: a ratio above 1 is worse, and regressions come first.
SPARE = ("change",)


def verdict_words(found: Comparison) -> str:
    """The verdict, as in `40 comparisons: 2 regressions beyond 5 %, 1 improvement, 37 neither`."""
    regressions, improvements = len(found.regressions), len(found.improvements)
    beyond = f" beyond {100 * found.max_regression:g} %" if found.max_regression else ""
    return (
        f"{counted(len(found.changes), 'comparison')}: {counted(regressions, 'regression')}{beyond}, "
        f"{counted(improvements, 'improvement')}, {len(found.changes) - regressions - improvements} neither"
    )


def explanation(found: Comparison) -> list[str]:
    """Which regression is the largest, and whether networks alone got slower; empty if there is no regression."""
    if not found.regressions:
        return []
    change = max(found.regressions, key=lambda each: each.ratio.lo or 0.0)
    compared = [each.before for each in found.changes]
    cell, among, tasks = change.before, inferences_of(compared), tasks_of(compared)
    beside = "alone" if cell.task == SOLO else f"beside {beside_words(cell, tasks)}"
    ends = " to ".join("?" if end is None else f"{100 * (end - 1):.1f}" for end in (change.ratio.lo, change.ratio.hi))
    where = f"{network_words(cell.inference, among)} {beside}, {cell.placement}, at {clocks_words(cell.clocks)}"
    higher = f"{100 * (change.ratio.value - 1):.1f} % higher ({ends})"
    said = f"Largest regression: {where}: {change.quantity.words} {higher}."
    kinds = {each.quantity.kind for each in found.regressions}
    alone = any(each.before.task == SOLO and each.quantity.kind == "latency" for each in found.regressions)
    if "slowdown" in kinds:
        return [said, "Slowdowns grew: tasks interfere more than before."]
    if alone:
        return [
            said,
            "Networks are slower alone too, and no slowdown was shown to grow: tasks cost as much as before.",
        ]
    return [said]


def change_rows(found: Comparison) -> Iterable[tuple[Change, tuple[str, ...]]]:
    """Each significant change with its row under `COLUMNS`; regressions come first."""
    compared = [change.before for change in found.changes]
    among, tasks = inferences_of(compared), tasks_of(compared)
    for change in (*found.regressions, *found.improvements):
        cell = change.before
        yield (
            change,
            (
                network_words(cell.inference, among),
                beside_words(cell, tasks),
                cell.placement,
                clocks_column(cell.clocks),
                change.quantity.words,
                _ratio_words(change),
                "worse" if change.regressed else "better",
            ),
        )


def _ratio_words(change: Change) -> str:
    ends = ["?" if end is None else f"{end:.3f}" for end in (change.ratio.lo, change.ratio.hi)]
    return f"{change.ratio.value:.3f} [{', '.join(ends)}]"


def sentences(compared: Compared) -> list[str]:
    """Sentences on how small a change the comparison can show, and on what else differs."""
    found = compared.comparison
    widths = [change.ratio.hi / change.ratio.value - 1 for change in found.changes if change.ratio.hi is not None]
    said = [
        f"The chance of any false regression in this comparison is at most {100 * (1 - found.confidence):.3g} %: "
        f"intervals are widened for {counted(len(found.changes), 'comparison')} (Bonferroni)."
    ]
    if widths:
        said.append(f"Half of the comparisons could detect a change as small as {100 * median(widths):.2g} %.")
    if found.blind:
        regression = f"a regression of {100 * found.max_regression:g} %" if found.max_regression else "no regression"
        could = "is too small to show" if found.max_regression else "could have been shown"
        said.append(f"In {len(found.blind)} of {counted(len(found.changes), 'comparison')} {regression} {could}.")
    tasks = tasks_of([*(change.before for change in found.changes), *found.only_before, *found.only_after])
    for name, cells in (("before", found.only_before), ("after", found.only_after)):
        if cells:
            verb = "is" if len(cells) == 1 else "are"
            said.append(f"{counted(len(cells), 'cell')} {verb} only in the run {name}: {_named(cells, tasks)}.")
    return [*said, *compared.notes, *(f"Differs: {difference}." for difference in compared.differs)]


def _named(cells: Sequence[Cell], tasks: Sequence[ContainedTask], most: int = 5) -> str:
    words = [
        f"{shortened(c.inference.network)} beside {beside_words(c, tasks)} at {clocks_words(c.clocks)}" for c in cells
    ]
    return ", ".join(words[:most]) + (", ..." if len(words) > most else "")
