"""Which windows belong to one cell."""

from __future__ import annotations

from typing import NamedTuple

from colocate.model.cell import SOLO, Cell
from colocate.model.containment import Containment
from colocate.model.request import ClockPoint, Inference
from colocate.model.trial import Trial


class CellKey(NamedTuple):
    """What the windows of a cell share; as in a Trial, None stands for no network and for no task."""

    inference: Inference | None
    placement: str
    clocks: ClockPoint
    task: str | None
    containment: Containment | None = None

    @property
    def solo(self) -> CellKey:
        """The same setting without a task."""
        return self._replace(task=None, containment=None)

    @classmethod
    def of(cls, trial: Trial) -> CellKey:
        """The setting of which `trial` is a window."""
        task = (None, None) if trial.task is None else (trial.task.name, trial.task.containment)
        return cls(trial.inference, trial.placement.name, trial.clocks, *task)

    @classmethod
    def of_cell(cls, cell: Cell) -> CellKey:
        """The setting of `cell`."""
        task = None if cell.task == SOLO else cell.task
        return cls(cell.inference, cell.placement, cell.clocks, task, cell.containment)
