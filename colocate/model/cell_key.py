"""The key that says which windows belong to the same cell."""

from __future__ import annotations

from typing import NamedTuple

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import Containment
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import Trial


class CellKey(NamedTuple):
    """The setting that all windows of a cell share. As in a `Trial`, `inference` None means no network, and `task`
    None means no task.
    """

    inference: Inference | None
    placement: str
    clocks: ClockPoint
    task: str | None
    containment: Containment | None = None

    @property
    def solo(self) -> CellKey:
        """The key of the same setting without a task."""
        return self._replace(task=None, containment=None)

    @classmethod
    def of(cls, trial: Trial) -> CellKey:
        """Return the key of the cell that the window `trial` belongs to."""
        task = (None, None) if trial.task is None else (trial.task.name, trial.task.containment)
        return cls(trial.inference, trial.placement.name, trial.clocks, *task)

    @classmethod
    def of_cell(cls, cell: Cell) -> CellKey:
        """Return the key of `cell`."""
        task = None if cell.task == SOLO else cell.task
        return cls(cell.inference, cell.placement, cell.clocks, task, cell.containment)
