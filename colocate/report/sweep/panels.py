"""What stands in each panel of a heatmap (clocks and tasks, or tasks and containments), and which panels it has."""

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
    """What the lines, heads and feet of every panel are, in order, each with its words, and where a cell stands.

    A head is a name and a small line under it, and stands over the tiles of all `feet`. `lines` and `feet` without
    words are single; their titles say what they are. Lines of one of `families` stay
    on a page where they fit.
    """

    lines: Mapping[Hashable, str]
    heads: Mapping[Hashable, tuple[str, str]]
    feet: Mapping[Hashable, str]
    line_title: str
    foot_title: str
    place_of: Callable[[Cell], tuple[Hashable, Hashable, Hashable]]
    families: Mapping[Hashable, Hashable] = field(default_factory=dict)


def by_task(metric: Metric, cells: Sequence[Cell]) -> Panels:
    """CPU clocks down; tasks, each in its containment, and GPU clocks across."""
    # The network alone is a column of its own where the quantity means something for it.
    alone = any(metric.value_of(cell) is not None for cell in cells if cell.task == SOLO)
    return _by_task(cells, [task for task in tasks_of(cells) if alone or task.name != SOLO])


def by_task_beside(cells: Sequence[Cell]) -> Panels:
    """The same of `cells` that have a task each."""
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
    """Tasks, each at every clock point, down; containments across. `cells` have a task each."""
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
    """Tasks, each in its containment and at every clock point, down; boards across. `boards` have cells with a task
    each, and each cell is that object.
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
    """The clocks that a panel has lines and feet for. Those of the memory have a grid each."""
    return dataclasses.replace(point, emc_hz=None)


def wings_of(cells: Sequence[Cell]) -> Mapping[Wing, str]:
    """The grids side by side: every placement with every clock of the memory, rising, each in words as far as they
    differ.
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
    """What the lines, feet and grids do not say: the one placement, and the clocks that are the same throughout."""
    placements, points = placements_of(cells), {cell.clocks for cell in cells}
    phrases = placements if len(placements) == 1 else []
    if len(points) == 1:
        return [*phrases, *map(clocks_words, points)]
    in_panel, memory_hz = {_in_panel(point) for point in points}, {point.emc_hz for point in points}
    phrases += map(clocks_words, in_panel) if len(in_panel) == 1 else ()
    return [*phrases, *(memory_words(hz) for hz in memory_hz if hz is not None and len(memory_hz) == 1)]
