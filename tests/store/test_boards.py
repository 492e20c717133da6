"""The board of each row: what it is stands once, and a block that ran twice counts once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.errors import StoreError
from colocate.model.board import BoardState, PowerMode
from colocate.model.fleet import Board, Sharing
from colocate.model.trial import Failure
from colocate.store.boards import BoardCells
from colocate.store.run_file import Run
from tests.store.editing import age, edited
from tests.store.test_run_file import FACTS, HEADER, TRIALS, record

A, B = Board("a", FACTS), Board("b", dataclasses.replace(FACTS, kernel="5.10"))
SLOWER = Board("a", dataclasses.replace(FACTS, board=BoardState(power_mode=PowerMode(1, "5W"))))


@pytest.mark.parametrize("sharing", Sharing)
def test_each_record_comes_back_with_its_board_as_it_was_then(tmp_path: Path, sharing: Sharing) -> None:
    with Run.create(tmp_path, dataclasses.replace(HEADER, sharing=sharing)) as run:
        assert run.append(dataclasses.replace(record(0), board=A)) and run.append(
            dataclasses.replace(record(1), board=B)
        )
    with Run.resume(tmp_path) as run:
        assert run.append(dataclasses.replace(record(2), board=A))
        assert run.append(dataclasses.replace(record(3), board=SLOWER))
        assert run.append(Failure(TRIALS[4], "no memory", B))
    with Run.read(tmp_path) as run:
        assert [each.board for each in run.records()] == [A, B, A, SLOWER]
        assert [each.board for each in run.failures()] == [B]
        assert run.header().sharing is sharing
        ids = [trial.trial_id for trial in TRIALS]
        assert run.done_by_board() == {"a": {ids[0], ids[2], ids[3]}, "b": {ids[1]}}
        # What a board is takes a row once, not each time.
        described = [cells["board_facts"] is not None for cells in run._rows()]
    assert described == [True, True, False, True, False]


def test_a_block_that_ran_twice_counts_once(tmp_path: Path) -> None:
    with Run.create(tmp_path, dataclasses.replace(HEADER, sharing=Sharing.SPREAD)) as run:
        assert run.append(dataclasses.replace(record(0), board=A))
        assert not run.append(dataclasses.replace(record(0), board=B))
        assert not run.append(Failure(TRIALS[0], "too late", B))
    with Run.resume(tmp_path) as run:
        assert not run.append(dataclasses.replace(record(0), board=A))
        assert [each.board for each in run.records()] == [A] and not list(run.failures())


def test_every_board_of_a_replicated_study_has_a_block_once(tmp_path: Path) -> None:
    with Run.create(tmp_path, dataclasses.replace(HEADER, sharing=Sharing.REPLICATE)) as run:
        assert run.append(Failure(TRIALS[0], "no memory", A))
        assert [run.append(dataclasses.replace(record(0), board=board)) for board in (A, B, A, B)] == [
            True,
            True,
            False,
            False,
        ]
        assert run.done_by_board() == {"a": {TRIALS[0].trial_id}, "b": {TRIALS[0].trial_id}}
        assert not list(run.failures()) and run.header().planned_on(2) == 2 * HEADER.planned


def test_a_failure_on_one_board_is_not_made_good_by_another(tmp_path: Path) -> None:
    with Run.create(tmp_path, dataclasses.replace(HEADER, sharing=Sharing.REPLICATE)) as run:
        run.append(Failure(TRIALS[0], "no memory", A))
        run.append(dataclasses.replace(record(0), board=B))
        assert [failure.board for failure in run.failures()] == [A]


def test_a_board_that_no_row_describes_is_damage(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as run:
        run.append(dataclasses.replace(record(0), board=A))
    with edited(tmp_path) as connection:
        connection.execute("UPDATE trial SET board_facts = NULL")
    with Run.read(tmp_path) as run, pytest.raises(StoreError, match="no row says what board 'a' is"):
        list(run.records())


def test_rows_of_one_machine_have_no_board() -> None:
    boards = BoardCells()
    assert boards.written(None) == {} and boards.read({"board": None, "board_facts": None}, 6) is None
    assert boards.read({}, 5) is None, "earlier schemas have no such cells"


def test_a_run_of_schema_5_is_read(tmp_path: Path) -> None:
    with Run.create(tmp_path, HEADER) as run:
        run.append(record(0))
    age(tmp_path, 5)
    with Run.read(tmp_path) as run:
        (back,) = run.records()
        assert back.board is None and run.header().sharing is None
        assert run.done_by_board() == {"": {TRIALS[0].trial_id}}
