from __future__ import annotations

from pathlib import Path

from colocate.model.fleet import Sharing
from colocate.report.fleet.load import load_fleet
from tests.report.fleet.runs import loaded
from tests.study.fleets import fleet, spread

FOLDER = Path("run")


def test_a_run_of_one_machine_has_no_boards() -> None:
    assert load_fleet(loaded(FOLDER, {}, sharing=None)) is None
    assert load_fleet(loaded(FOLDER, {})) is None, "nothing came back yet"


def test_each_board_has_its_cells_and_under_limits_a_promise_is_made() -> None:
    found = load_fleet(loaded(FOLDER, {"a": 1.0, "b": 1.0}))
    assert found is not None and [*found.boards] == ["a", "b"]
    assert [[cell.task for cell in cells] for cells in found.boards.values()] == [["none", "bitcount"]] * 2
    assert len(found.promises) == 1 and found.effects is not None
    without = load_fleet(loaded(FOLDER, {"a": 1.0, "b": 1.0}, limits=None))
    assert without is not None and without.promises == ()


def test_boards_that_shared_the_blocks_promise_nothing_of_others() -> None:
    shared = spread(fleet({"a": 1.0, "b": 1.0}, 4))
    found = load_fleet(loaded(FOLDER, {}, Sharing.SPREAD, records=shared))
    assert found is not None and found.promises == () and [*found.boards] == ["a", "b"]
