"""The table of all cells on the page: networks, placements and clocks down; containments and tasks across."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
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
    """One task in one containment; the task `SOLO` is the network alone."""

    containment: Containment | None
    task: str

    @classmethod
    def of(cls, cell: Cell) -> MatrixColumn:
        """The column of `cell`."""
        return cls(cell.containment, cell.task)

    @property
    def heading(self) -> str:
        """The task's name, or `alone`."""
        return task_label(ContainedTask(self.task), ())[0]


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One clock point of a network. `cells` has the number of each cell in the payload, None if it was not
    measured.
    """

    clocks: str
    cells: Sequence[int | None]


@dataclass(frozen=True, slots=True)
class MatrixGroup:
    """The rows of one network in one placement. `how` names the placement, and how the network is run if that
    differs.
    """

    name: str
    how: str
    rows: Sequence[MatrixRow]


@dataclass(frozen=True, slots=True)
class Matrix:
    """All cells of a run. `containments` are headings, each with the number of columns that it spans; empty if all
    tasks have the same. `axes` names the clocks of the rows; empty if all rows have the same.
    """

    containments: Sequence[tuple[str, int]]
    columns: Sequence[MatrixColumn]
    groups: Sequence[MatrixGroup]
    axes: str

    @property
    def starts(self) -> frozenset[int]:
        """The indices of the columns at which a containment's heading begins, without the first column."""
        return frozenset(itertools.accumulate(n for _, n in self.containments)) - {len(self.columns)}


def matrix_of(cells: Sequence[Cell]) -> Matrix:
    """Return the matrix of `cells`, in their order. The network alone is the first column."""
    inferences, columns, points = inferences_of(cells), _columns(cells), {cell.clocks for cell in cells}
    contained = len(containments_of(tasks_of(cells))) > 1
    return Matrix(
        containments=list(_containment_headings(columns)) if contained else [],
        columns=columns,
        groups=[
            _group(*inference_label(inference, inferences), placement, own, columns)
            for inference in inferences
            for placement in placements_of(cells)
            if (own := [(n, c) for n, c in enumerate(cells) if (c.inference, c.placement) == (inference, placement)])
        ],
        axes=axes_words(points) if len(points) > 1 else "",
    )


def _columns(cells: Sequence[Cell]) -> list[MatrixColumn]:
    contained = containments_of(tasks_of(cells))
    return sorted(
        dict.fromkeys(map(MatrixColumn.of, cells)),
        key=lambda column: -1 if column.task == SOLO else contained.index(column.containment),
    )


def _containment_headings(columns: Iterable[MatrixColumn]) -> Iterator[tuple[str, int]]:
    """Yield each containment and how many columns its heading spans. The heading over the network alone is empty."""
    words = ("" if column.task == SOLO else containment_words(column.containment) for column in columns)
    for heading, run in itertools.groupby(words):
        yield heading, len(list(run))


def _group(
    name: str, how: str, placement: str, numbered: Sequence[tuple[int, Cell]], columns: Sequence[MatrixColumn]
) -> MatrixGroup:
    return MatrixGroup(name, ", ".join(filter(None, (how, placement))), _rows(numbered, columns))


def _rows(numbered: Sequence[tuple[int, Cell]], columns: Sequence[MatrixColumn]) -> list[MatrixRow]:
    at = {(cell.clocks, MatrixColumn.of(cell)): number for number, cell in numbered}
    points = dict.fromkeys(cell.clocks for _, cell in numbered)
    return [MatrixRow(clocks_column(point), [at.get((point, column)) for column in columns]) for point in points]
