"""A bar for each cell with a significant slowdown: what the extra time of an inference is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from colocate.model.cause import Cause, ExtraTime
from colocate.model.cell import Cell
from colocate.model.request import ClockPoint
from colocate.report.text.causes import cause_words, parts_words
from colocate.report.text.labels import (
    ContainedTask,
    beside_words,
    clocks_words,
    inferences_of,
    network_words,
    tasks_of,
)
from colocate.report.text.numbers import ms_text

# So many bars are seen at once; the rest is folded away.
SHOWN_FIRST = 12


@dataclass(frozen=True, slots=True)
class CauseBar:
    """One bar with the words around it. Each of `parts` is the name of its colour and its share in per cent."""

    network: str
    where: str
    extra: str
    parts: tuple[tuple[str, float], ...]
    parts_words: str
    words: str


def cause_bars(cells: Iterable[Cell]) -> tuple[CauseBar, ...]:
    """Return the bars of all cells with a known cause. The largest extra time, relative to the cell's p50, comes
    first.
    """
    cells = list(cells)
    explained = [(cell, found) for cell in cells if (found := cell.extra_time) is not None]
    explained.sort(key=lambda pair: -(pair[1].extra_s / (pair[0].p50_s or 1.0)))
    among, tasks = inferences_of(cells), tasks_of(cells)
    return tuple(
        CauseBar(
            network_words(cell.inference, among, ", "),
            _where(cell, tasks),
            f"+{ms_text(found.extra_s)} ms",
            _shares(found),
            parts_words(found),
            f"{cause_words(found)}.",
        )
        for cell, found in explained
    )


def legend(cells: Iterable[Cell]) -> tuple[tuple[str, str], ...]:
    """The colour and the name of each cause that any of the cells has."""
    met = {cause for cell in cells if cell.extra_time is not None for cause, _ in cell.extra_time.parts}
    return tuple((colour(cause), cause.value) for cause in Cause if cause in met)


def colour(cause: Cause) -> str:
    """The name of a cause in the style sheet."""
    return cause.name.lower().replace("_", "-")


def _where(cell: Cell, tasks: Sequence[ContainedTask]) -> str:
    clocks = "" if cell.clocks == ClockPoint() else clocks_words(cell.clocks)
    return " · ".join(filter(None, (f"beside {beside_words(cell, tasks)}", cell.placement, clocks)))


def _shares(found: ExtraTime) -> tuple[tuple[str, float], ...]:
    return tuple((colour(cause), round(100 * part_s / found.extra_s, 2)) for cause, part_s in found.parts)
