from __future__ import annotations

import dataclasses
from pathlib import Path

from colocate.model.limits import Limits, Quantity
from colocate.report.fleet.load import FleetReport, load_fleet
from colocate.report.fleet.rows import board_rows, boards_file_rows, decisive, promise_rows, promises_file_rows
from tests.report.fleet.runs import LIMITS, loaded
from tests.study.fleets import board, fleet

NAMES = "abcdefghij"


def report(limits: Limits = LIMITS) -> FleetReport:
    found = load_fleet(loaded(Path("run"), dict.fromkeys(NAMES, 1.0), limits=limits))
    assert found is not None
    return found


FOUND = report()


def test_each_cell_with_the_quantile_that_decides() -> None:
    (row,) = promise_rows(FOUND, LIMITS)
    assert row[:5] == ("alexnet", "bitcount", "isolated", "native", "SAFE") and row[5] == "p50 slowdown"
    assert row[6].startswith("1.") and row[7].endswith("%") and row[8].endswith("%")


def test_the_quantity_with_the_least_room_decides() -> None:
    limits = Limits(max_slowdown=1.3, slo_s=10.0, percentile="p50")
    assert decisive(report(limits).promises[0], limits)[0] is Quantity.SLOWDOWN_P50


def test_each_board_beside_the_others() -> None:
    rows = list(board_rows(FOUND))
    assert [row[0] for row in rows] == [*NAMES] and {row[2] for row in rows} == {"3"}
    assert {row[-1] for row in rows} == {""}, "they are alike"


def test_each_board_with_the_facts_in_which_it_differs() -> None:
    alike = fleet(dict.fromkeys("abc", 1.0), repeats=3)
    mine = board("b", kernel="5.10", cpus=(2, 3))
    records = [dataclasses.replace(each, board=mine) if each.board == board("b") else each for each in alike]
    found = load_fleet(loaded(Path("run"), {}, records=records))
    assert found is not None
    assert {row[0]: row[-1] for row in board_rows(found)} == {"a": "", "b": "CPUs 2-3; kernel 5.10", "c": ""}


def test_the_files_have_a_row_for_each_cell_on_each_board_and_for_each_promise() -> None:
    rows = boards_file_rows(FOUND, "host")
    assert len(rows) == 20 and {row["board"] for row in rows} == {*NAMES}
    (promised,) = promises_file_rows(FOUND.promises, LIMITS, "host")
    assert (promised["boards"], promised["verdict"], promised["limit"]) == (10, "SAFE", 1.3)
    assert promised["quantile_lo"] < promised["quantile"] < promised["quantile_hi"] < 1.3  # type: ignore[operator]
