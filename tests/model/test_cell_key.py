from __future__ import annotations

from colocate.model.cell import SOLO, Cell
from colocate.model.cell_key import CellKey
from colocate.model.containment import Containment
from colocate.model.request import ClockPoint, Inference
from tests.study.truth import ISOLATED, NETWORK, TASK, trial

LOW = ClockPoint(102_000_000, 76_800_000)


def test_windows_beside_a_task_and_alone_differ_in_the_task_and_what_bounds_it() -> None:
    beside = CellKey.of(trial(0, TASK, NETWORK, LOW))
    assert beside == CellKey(NETWORK, ISOLATED.name, LOW, TASK.name)
    assert beside.solo == CellKey.of(trial(0, None, NETWORK, LOW))
    assert beside._replace(containment=Containment(idle=True)).solo == beside.solo


def test_a_cell_has_the_key_of_its_windows() -> None:
    inference = Inference("alexnet", "synthetic")
    for task, name in ((SOLO, None), ("bitcount", "bitcount")):
        cell = Cell(inference, task, "shared", LOW, n=1, blocks=1)
        assert CellKey.of_cell(cell) == CellKey(inference, "shared", LOW, name)
