"""Which rows and columns the panels of a heatmap have: by clocks and task, by task and containment, or by task and
board.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import containment_words
from colocate.model.request import ClockPoint
from colocate.report.sweep.metrics import Metric
from colocate.report.text.labels import (
    ContainedTask,
    clock_text,
    clocks_column,
    clocks_words,
    containments_of,
    memory_words,
    placements_of,
    shortened,
    task_label,
    task_words,
    tasks_of,
)

# A placement, and a clock of the memory.
Wing = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Panels:
    """The rows and columns of every panel, in order, each with its words; and the place of a cell in them.

    `lines` are rows, such as CPU clocks. `feet` are columns, such as GPU clocks, under `heads`, such as tasks: names
    with a small line below. A single line or foot may have no words. `line_title` and `foot_title` say what lines and
    feet are. `place_of` gives the line, head and foot of a cell. `families` maps lines to groups, which stay on a
    page if they fit.
    """

    lines: Mapping[Hashable, str]
    heads: Mapping[Hashable, tuple[str, str]]
    feet: Mapping[Hashable, str]
    line_title: str
    foot_title: str
    place_of: Callable[[Cell], tuple[Hashable, Hashable, Hashable]]
    families: Mapping[Hashable, Hashable] = field(default_factory=dict)


def by_task(metric: Metric, cells: Sequence[Cell]) -> Panels:
    """Return panels with a row for each CPU clock, and a column for each GPU clock under each task in its
    containment.
    """
    # The network alone is a column of its own where the quantity means something for it.
    alone = any(metric.value_of(cell) is not None for cell in cells if cell.task == SOLO)
    return _by_task(cells, [task for task in tasks_of(cells) if alone or task.name != SOLO])


def by_task_beside(cells: Sequence[Cell]) -> Panels:
    """The panels of `by_task` for `cells` that all have a task."""
    return _by_task(cells, tasks_of(cells))


def _by_task(cells: Sequence[Cell], tasks: Sequence[ContainedTask]) -> Panels:
    points = {_in_panel(cell.clocks) for cell in cells}
    clocked = len(points) > 1
    return Panels(
        lines=_ticks((point.cpu_hz for point in points), clocked=clocked),
        heads={task: task_label(task, tasks) for task in tasks},
        feet=_ticks((point.gpu_hz for point in points), clocked=clocked),
        line_title="CPU MHz" if clocked else "",
        foot_title="GPU MHz" if clocked else "",
        place_of=lambda cell: (cell.clocks.cpu_hz, ContainedTask.of(cell), cell.clocks.gpu_hz),
    )


def _ticks(clocks_hz: Iterable[int | None], *, clocked: bool) -> Mapping[Hashable, str]:
    return {hz: clock_text(hz) if clocked else "" for hz in sorted(set(clocks_hz), key=lambda hz: hz or 0)}


def by_containment(cells: Sequence[Cell]) -> Panels:
    """Return panels with a row for each task at each clock point, and a column for each containment. All `cells` have
    a task.
    """
    pairs = ((cell.task, _in_panel(cell.clocks)) for cell in cells)
    names, points = (list(dict.fromkeys(found)) for found in zip(*pairs, strict=True))
    families: dict[Hashable, Hashable] = {(name, point): name for name, point in itertools.product(names, points)}
    clocked = len(points) > 1
    return Panels(
        lines={
            (name, point): f"{shortened(name)} {clocks_column(point)}" if clocked else shortened(name)
            for name, point in itertools.product(names, points)
        },
        heads={each: (containment_words(each), "") for each in containments_of(tasks_of(cells))},
        feet={None: ""},
        line_title="CPU/GPU MHz" if clocked else "",
        foot_title="",
        place_of=lambda cell: ((cell.task, _in_panel(cell.clocks)), cell.containment, None),
        families=families,
    )


def by_board(boards: Mapping[str, Sequence[Cell]]) -> Panels:
    """Return panels with a row for each task in its containment at each clock point, and a column for each of
    `boards`.

    All cells have a task. Cells are told apart by identity: `place_of` takes these objects only, no copies.
    """
    places = {id(cell): name for name, cells in boards.items() for cell in cells}
    cells = [cell for own in boards.values() for cell in own]
    tasks, points = tasks_of(cells), list(dict.fromkeys(_in_panel(cell.clocks) for cell in cells))
    lines = list(dict.fromkeys((ContainedTask.of(cell), _in_panel(cell.clocks)) for cell in cells))
    return Panels(
        lines={
            line: " ".join([task_words(line[0], tasks), *([clocks_column(line[1])] if len(points) > 1 else [])])
            for line in lines
        },
        heads={name: (shortened(name), "") for name in boards},
        feet={None: ""},
        line_title="CPU/GPU MHz" if len(points) > 1 else "",
        foot_title="",
        place_of=lambda cell: ((ContainedTask.of(cell), _in_panel(cell.clocks)), places[id(cell)], None),
        families={line: line[0] for line in lines},
    )


def _in_panel(point: ClockPoint) -> ClockPoint:
    """Return `point` without the memory's clock: each of these has panels of its own."""
    return dataclasses.replace(point, emc_hz=None)


def wings_of(cells: Sequence[Cell]) -> Mapping[Wing, str]:
    """Return a wing (panels side by side) for each placement and memory clock, in rising order. Words name only what
    differs.
    """
    placements, memory_hz = placements_of(cells), sorted({c.clocks.emc_hz for c in cells}, key=lambda hz: hz or 0)
    return {
        (placement, hz): ", ".join(
            [
                *([placement] if len(placements) > 1 else []),
                *([memory_words(hz)] if len(memory_hz) > 1 else []),
            ]
        )
        for placement, hz in itertools.product(placements, memory_hz)
    }


def common_words(cells: Sequence[Cell]) -> list[str]:
    """Return what the words on a page do not say: the placement if there is only one, and clocks that never
    change.
    """
    placements, points = placements_of(cells), {cell.clocks for cell in cells}
    phrases = placements if len(placements) == 1 else []
    if len(points) == 1:
        return [*phrases, *map(clocks_words, points)]
    in_panel, memory_hz = {_in_panel(point) for point in points}, {point.emc_hz for point in points}
    phrases += map(clocks_words, in_panel) if len(in_panel) == 1 else ()
    return [*phrases, *(memory_words(hz) for hz in memory_hz if hz is not None and len(memory_hz) == 1)]
