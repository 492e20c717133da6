"""What stands in each panel of a heatmap: clocks and tasks, or tasks and containments."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import containment_words
from colocate.report.sweep.metrics import Metric
from colocate.report.text.labels import (
    ContainedTask,
    clock_text,
    clocks_column,
    containments_of,
    shortened,
    task_label,
    tasks_of,
)


@dataclass(frozen=True, slots=True)
class Panels:
    """What the lines, heads and feet of every panel are, in order, each with its words, and where a cell stands.

    A head is a name and a small line under it, and stands over the tiles of all `feet`. `lines` and `feet` without
    words are single; their titles say what they are.
    """

    lines: Mapping[Hashable, str]
    heads: Mapping[Hashable, tuple[str, str]]
    feet: Mapping[Hashable, str]
    line_title: str
    foot_title: str
    place_of: Callable[[Cell], tuple[Hashable, Hashable, Hashable]]


def by_task(metric: Metric, cells: Sequence[Cell]) -> Panels:
    """CPU clocks down; tasks, each in its containment, and GPU clocks across."""
    # The network alone is a column of its own where the quantity means something for it.
    alone = any(metric.value_of(cell) is not None for cell in cells if cell.task == SOLO)
    return _by_task(cells, [task for task in tasks_of(cells) if alone or task.name != SOLO])


def by_task_beside(cells: Sequence[Cell]) -> Panels:
    """The same of `cells` that have a task each."""
    return _by_task(cells, tasks_of(cells))


def _by_task(cells: Sequence[Cell], tasks: Sequence[ContainedTask]) -> Panels:
    points = {cell.clocks for cell in cells}
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
    names, points = (list(dict.fromkeys(found)) for found in zip(*((c.task, c.clocks) for c in cells), strict=True))
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
        place_of=lambda cell: ((cell.task, cell.clocks), cell.containment, None),
    )
