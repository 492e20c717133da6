"""A run as Python objects: its cells, its verdicts under limits, and the latencies behind each cell."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from colocate.errors import HostError, SpecError
from colocate.model.cell import Cell
from colocate.model.cell_key import CellKey
from colocate.model.limits import Limits
from colocate.model.trial import FloatArray
from colocate.report.advise.load import advise_on
from colocate.report.advise.verdicts_file import verdict_row
from colocate.report.run_report import LoadedRun, load
from colocate.report.sweep.columns import cell_row
from colocate.report.sweep.latencies import latencies_of
from colocate.request.limit_keys import LimitChanges
from colocate.study.verdicts import Ruling

_Row = TypeVar("_Row")


class Rows(list[_Row], Generic[_Row]):
    """A list of dataclasses. `to_pandas` makes a table of it, with the columns of cells.csv or verdicts.csv."""

    def __init__(self, rows: Iterable[_Row], row: Callable[[_Row, str], Mapping[str, Any]], rig: str) -> None:
        super().__init__(rows)
        self._row, self._rig = row, rig

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame; absent values are missing there. Raises HostError if there is no pandas."""
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise HostError("pandas is not installed here: pip install pandas") from error
        return pandas.DataFrame([self._row(each, self._rig) for each in self])


class Results:
    """A run, finished or not. Limits given to `colocate.load` override the study's own, one by one."""

    def __init__(self, run: LoadedRun) -> None:
        self._run = run
        self._rig = run.header.facts.rig

    @property
    def folder(self) -> Path:
        """Where the run is stored."""
        return self._run.folder

    @property
    def limits(self) -> Limits | None:
        """The limits in force; None if there are none."""
        return self._run.limits

    @cached_property
    def cells(self) -> Rows[Cell]:
        """Every cell, solo baselines included, in the order of cells.csv."""
        return Rows(self._run.cells, cell_row, self._rig)

    @cached_property
    def verdicts(self) -> Rows[Ruling]:
        """The verdict on every cell that has a task, in the order of verdicts.csv; empty without limits.

        Raises SpecError if there is no cell to judge yet.
        """
        limits = self._run.limits
        rulings = () if limits is None else advise_on(self._run, limits).advice.rulings
        return Rows(rulings, verdict_row, self._rig)

    def latencies(self, cell: Cell) -> FloatArray:
        """Return the latencies behind the numbers of `cell`, from all its windows, in seconds: shape (n,).

        It is empty for a cell without inferences. Raises SpecError if `cell` is no cell of this run.
        """
        if not isinstance(cell, Cell) or (key := CellKey.of_cell(cell)) not in self._keys:
            raise SpecError(f"latencies: {self.folder} has no such cell; give one of .cells, or .cell of a verdict")
        return self._latencies.get(key, np.empty(0))

    @cached_property
    def _keys(self) -> frozenset[CellKey]:
        return frozenset(map(CellKey.of_cell, self._run.cells))

    @cached_property
    def _latencies(self) -> Mapping[CellKey, FloatArray]:
        return latencies_of(self._run.cells, self._run.records)


def load_results(folder: Path, changes: LimitChanges) -> Results:
    """Load the run in `folder`. Raises StoreError if there is no run, SpecError for limits that make no sense."""
    run = load(folder, changes)
    # A limit that makes no sense is refused here, not where it is first used.
    _ = run.limits
    return Results(run)
