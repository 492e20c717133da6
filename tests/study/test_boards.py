"""A study that every board ran: no window is paired with another board's, and boards are the unit of intervals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from colocate.model.cell import Interval
from colocate.model.limits import Limits, Quantity
from colocate.study.advice import Verdict, advise
from colocate.study.boards import apart, by_board, over_boards, replicated
from colocate.study.bounds import bounds
from colocate.study.evidence import Evidence, collect
from colocate.study.interference import cells
from colocate.study.stats import geometric_mean
from tests.study.fleets import fleet, spread
from tests.study.truth import SPEC

P50 = Quantity.SLOWDOWN_P50


def colocated(found: tuple[Evidence, ...]) -> Evidence:
    (one,) = (each for each in found if each.colocated)
    return one


def test_records_are_sorted_by_board() -> None:
    records = fleet({"b": 1.0, "a": 2.0})
    found = by_board(records)
    assert [*found] == ["a", "b"] and sum(map(len, found.values())) == len(records)
    assert replicated(records) and not replicated(found["a"])
    own = dataclasses.replace(records[0], board=None)
    assert [*by_board([own])] == [""]


def test_apart_no_two_boards_share_a_block_or_a_repeat() -> None:
    found = by_board(fleet({"a": 1.0, "b": 2.0, "c": 3.0}))
    together = apart(found.values())
    assert len({each.trial.trial_id for each in together}) == len(together)
    blocks = {(each.board.name, each.trial.block) for each in together if each.board}
    repeats = {(each.board.name, each.trial.repeat) for each in together if each.board}
    assert len({block for _, block in blocks}) == len(blocks) == 9
    assert len({repeat for _, repeat in repeats}) == len(repeats) == 9


def test_a_slow_board_is_set_against_itself() -> None:
    """Boards 1 and 5 times as slow: whoever paired their windows would find slowdowns of 5 and of a fifth."""
    found = colocated(collect(fleet({"a": 1.0, "b": 5.0}), SPEC))
    assert all(1.0 < value < 1.3 for value in found.values[P50].values()) and len(found.values[P50]) == 6
    assert [*found.boards] == ["a", "b"] and all(len(own.values[P50]) == 3 for own in found.boards.values())


def test_intervals_are_over_boards_and_not_over_their_blocks() -> None:
    """Within a board blocks agree; boards differ by 20 %. Six blocks of two boards are two values, not six."""
    records = fleet({"a": 1.0, "b": 1.0}, slowdowns={"b": 1.2})
    cell = colocated(collect(records, SPEC)).cell
    tables = [cells(found, SPEC) for found in by_board(records).values()]
    beside = [own for table in tables for own in table if own.task != "none"]
    values = [own.slowdown_p50.value for own in beside if own.slowdown_p50]
    assert cell.slowdown_p50 == geometric_mean(np.array(values)) and len(values) == 2
    assert cell.slowdown_p50.hi is not None and cell.slowdown_p50.hi > 1.5, "one degree of freedom"
    assert cell.n == sum(own.n for own in beside)


def test_a_mean_over_boards_of_what_none_knows_is_unknown() -> None:
    cell = colocated(collect(fleet({"a": 1.0}), SPEC)).cell
    bare = dataclasses.replace(cell, slowdown_p50=None, work_loss_ratio=None)
    found = over_boards(cell, [bare, bare])
    assert found.slowdown_p50 is None and found.work_loss_ratio is None
    lost = dataclasses.replace(cell, work_loss_ratio=Interval(1.0, None, None))
    assert over_boards(cell, [lost, lost]).work_loss_ratio == Interval(1.0, 1.0, 1.0)


def test_a_verdict_is_on_each_of_these_boards() -> None:
    limits = Limits(max_slowdown=1.3, percentile="p50")
    alike = fleet({"a": 1.0, "b": 1.0, "c": 1.0}, repeats=8)
    one_slow = fleet({"a": 1.0, "b": 1.0, "c": 1.0}, repeats=8, slowdowns={"c": 1.3})
    (safe,), (unsafe,) = (advise(collect(records, SPEC), limits).rulings for records in (alike, one_slow))
    assert (safe.verdict, unsafe.verdict) == (Verdict.SAFE, Verdict.UNSAFE)


def test_the_bounds_of_a_cell_are_those_of_its_worst_board() -> None:
    evidence = collect(fleet({"a": 1.0, "b": 1.0}, repeats=4, slowdowns={"b": 1.1}), SPEC)
    (together,) = bounds(evidence)
    (b,) = bounds([colocated(evidence).boards["b"]])
    worst, own = together.estimates[P50].interval, b.estimates[P50].interval
    # One cell: the upper tail is the same, the lower one is shared by two boards.
    assert worst.hi == pytest.approx(own.hi) and worst.value == pytest.approx(own.value)
    assert worst.lo is not None and own.lo is not None and worst.lo < own.lo


def test_a_board_that_is_not_known_yet_keeps_a_cell_from_being_safe() -> None:
    records = fleet({"a": 1.0, "b": 1.0}, repeats=8)
    some = [
        each
        for each in records
        if (each.board and (each.board.name, bool(each.trial.task and each.trial.inference)) != ("b", True))
        or not each.trial.repeat
    ]
    (ruling,) = advise(collect(some, SPEC), Limits(max_slowdown=1.3, percentile="p50")).rulings
    assert ruling.verdict is Verdict.UNDECIDED, "b has one block, and so no interval"


def test_a_study_that_boards_share_is_one_study() -> None:
    """Each block ran once: nothing tells its evidence from that of one machine."""
    shared = spread(fleet({"a": 1.0, "b": 1.0}, repeats=4))
    found = colocated(collect(shared, SPEC))
    assert not found.boards and found.each_board == (found,) and len(found.values[P50]) == 4
