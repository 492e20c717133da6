"""The matrix of the page: networks and settings down; placements, containments and tasks across."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import Containment, containment_words
from colocate.report.text.labels import (
    ContainedTask,
    axes_words,
    clocks_column,
    containments_of,
    inference_label,
    inferences_of,
    placements_of,
    task_label,
    tasks_of,
)


@dataclass(frozen=True, slots=True)
class MatrixColumn:
    """One task in one containment and placement; `SOLO` is the network alone."""

    placement: str
    containment: Containment | None
    task: str

    @classmethod
    def of(cls, cell: Cell) -> MatrixColumn:
        """The column in which `cell` stands."""
        return cls(cell.placement, cell.containment, cell.task)

    @property
    def heading(self) -> str:
        """The task's name, or `alone`."""
        return task_label(ContainedTask(self.task), ())[0]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One clock point of a network. A cell is its number in the payload, None where it was not measured."""

    clocks: str
    cells: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class MatrixGroup:
    """The rows of one network; `how` says how it is run where networks differ in that."""

    name: str
    how: str
    rows: Sequence[MatrixRow]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells of a run. Headings over several columns come with the number of these.

    `containments` is empty where all tasks have the same; `axes` names the clocks of the rows, and is empty where all
    have the same.
    """

    placements: Sequence[tuple[str, int]]
    containments: Sequence[tuple[str, int]]
    columns: Sequence[MatrixColumn]
    groups: Sequence[MatrixGroup]
    axes: str

    @property
    def starts(self) -> frozenset[int]:
        """The columns at which a heading begins, without the first column."""
        spans = [[n for _, n in headings] for headings in (self.placements, self.containments)]
        return frozenset(itertools.chain(*map(itertools.accumulate, spans))) - {len(self.columns)}


def matrix_of(cells: Sequence[Cell]) -> Matrix:
    """The matrix of `cells`, in their order, the network alone first in each placement."""
    inferences, columns, points = inferences_of(cells), _columns(cells), {cell.clocks for cell in cells}
    contained = len(containments_of(tasks_of(cells))) > 1
    return Matrix(
        placements=list(_spans(columns, lambda column: column.placement)),
        containments=list(_spans(columns, _containment_heading)) if contained else [],
        columns=columns,
        groups=[
            MatrixGroup(
                *inference_label(inference, inferences),
                _rows([(n, cell) for n, cell in enumerate(cells) if cell.inference == inference], columns),
            )
            for inference in inferences
        ],
        axes=axes_words(points) if len(points) > 1 else "",
    )


def _columns(cells: Sequence[Cell]) -> list[MatrixColumn]:
    placements, contained = placements_of(cells), containments_of(tasks_of(cells))
    return sorted(
        dict.fromkeys(map(MatrixColumn.of, cells)),
        key=lambda column: (
            placements.index(column.placement),
            -1 if column.task == SOLO else contained.index(column.containment),
        ),
    )


def _containment_heading(column: MatrixColumn) -> tuple[str, str]:
    return column.placement, "" if column.task == SOLO else containment_words(column.containment)


def _spans(
    columns: Iterable[MatrixColumn], key: Callable[[MatrixColumn], str | tuple[str, str]]
) -> Iterator[tuple[str, int]]:
    """The heading that `key` gives, its last part where there are several, and over how many columns it stands."""
    for heading, run in itertools.groupby(columns, key):
        yield heading if isinstance(heading, str) else heading[-1], len(list(run))


def _rows(numbered: Sequence[tuple[int, Cell]], columns: Sequence[MatrixColumn]) -> list[MatrixRow]:
    at = {(cell.clocks, MatrixColumn.of(cell)): number for number, cell in numbered}
    points = dict.fromkeys(cell.clocks for _, cell in numbered)
    return [MatrixRow(clocks_column(point), [at.get((point, column)) for column in columns]) for point in points]
