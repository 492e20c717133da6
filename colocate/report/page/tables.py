"""The tables of the page: one for each network and placement, clock points down and tasks across."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from colocate.model.cell import Cell
from colocate.model.request import ClockPoint, Inference
from colocate.report.page.words import findings
from colocate.report.text.labels import (
    ContainedTask,
    clock_text,
    inference_label,
    inferences_of,
    task_label,
    tasks_of,
)
from colocate.study.bounds import Bounds

_Group = tuple[Inference, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One clock point of a table. A cell is its number in the payload, None where it was not measured.

    `cpu_rows` is over how many rows the CPU's clock is written, 0 where a row above did it.
    """

    cpu: str
    gpu: str
    cpu_rows: int
    cells: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class Table:
    """The cells of one network and placement: clock points down, tasks across, the network alone first.

    Each of `tasks` is its name, and its containment where these differ.
    """

    network: int
    name: str
    how: str
    placement: str
    findings: Sequence[str]
    tasks: Sequence[tuple[str, str]]
    clocked: bool
    rows: Sequence[Row]


def tables_of(cells: Sequence[Cell], judged: Sequence[Bounds], confidence: float) -> list[Table]:
    """All tables of the page, in the order of `cells`; `judged` are the bounds of these at `confidence`."""
    inferences, tasks = inferences_of(cells), tasks_of(cells)
    numbered: defaultdict[_Group, dict[int, Cell]] = defaultdict(dict)
    for number, cell in enumerate(cells):
        numbered[_group(cell)][number] = cell
    bounds: defaultdict[_Group, list[Bounds]] = defaultdict(list)
    for each in judged:
        bounds[_group(each.evidence.cell)].append(each)
    return [_table(inferences, tasks, own, findings(bounds[group], confidence)) for group, own in numbered.items()]


def _group(cell: Cell) -> _Group:
    return cell.inference, cell.placement


def _table(
    inferences: Sequence[Inference],
    among: Sequence[ContainedTask],
    numbered: Mapping[int, Cell],
    found: Sequence[str],
) -> Table:
    """The table of the cells in `numbered`, which are of one network and placement."""
    own = list(numbered.values())
    inference, placement = _group(own[0])
    tasks, points = tasks_of(own), list(dict.fromkeys(cell.clocks for cell in own))
    name, how = inference_label(inference, inferences)
    at = {(cell.clocks, ContainedTask.of(cell)): number for number, cell in numbered.items()}
    rows = [
        Row(clock_text(point.cpu_hz), clock_text(point.gpu_hz), cpu_rows, [at.get((point, task)) for task in tasks])
        for point, cpu_rows in zip(points, _cpu_rows(points), strict=True)
    ]
    clocked = any((point.cpu_hz, point.gpu_hz) != (None, None) for point in points)
    headings = [task_label(task, among) for task in tasks]
    return Table(inferences.index(inference), name, how, placement, found, headings, clocked, rows)


def _cpu_rows(points: Sequence[ClockPoint]) -> list[int]:
    """Over how many rows the CPU's clock of each of `points` is written: over all that have it, at the first."""
    clocks = [point.cpu_hz for point in points]
    return [0 if nth and clocks[nth - 1] == clock else clocks.count(clock) for nth, clock in enumerate(clocks)]
