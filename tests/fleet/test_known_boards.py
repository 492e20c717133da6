"""Boards come, go and come back, and a scheduler that goes away ends the study."""

from __future__ import annotations

from typing import Any

import pytest

from colocate.errors import HostError
from tests.fleet.schedulers import FakeClient

pytest.importorskip("distributed")

from colocate.fleet import known_boards
from colocate.fleet.board import RESOURCE
from colocate.fleet.known_boards import KnownBoards


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_boards, "POLL_S", 0.0)
    monkeypatch.setattr(known_boards, "FIRST_S", 0.0)


def made(boards: dict[str, str]) -> tuple[Any, KnownBoards, list[str]]:
    client: Any = FakeClient(boards)
    said: list[str] = []
    return client, KnownBoards(client, said.append), said


def test_the_fake_has_the_resource_of_a_board() -> None:
    assert RESOURCE == "board"


def test_a_board_that_comes_back_is_looked_at_again() -> None:
    client, boards, said = made({"b": "1", "a": "2"})
    assert boards.first().name == "a" and boards.is_there("1")
    boards.seats["a"].ready = True
    boards.refuse(boards.seats["b"], "too old")
    client.boards = {"b": "1"}
    boards.refresh()
    assert [seat.name for seat in boards.present()] == ["b"] and not boards.is_there("2")
    client.boards = {"b": "3", "a": "2"}
    boards.refresh()
    assert {seat.name: seat.refused for seat in boards.present()} == {"a": "", "b": ""}
    assert said == ["Board b is not used: too old", "Board a is gone."]


def test_without_a_board_it_is_said_how_to_start_one() -> None:
    _, boards, _ = made({})
    with pytest.raises(HostError, match="no board serves tcp://here:1: start one on each with `python -m colocate"):
        boards.first()


def test_a_scheduler_that_goes_away_is_said_to_be_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    client, boards, _ = made({"a": "1"})

    def refused() -> None:
        raise OSError("connection refused")

    monkeypatch.setattr(client, "nthreads", refused)
    with pytest.raises(HostError, match=r"the scheduler is gone \(connection refused\); start it again"):
        boards.refresh()
    client.status = "closed"
    with pytest.raises(HostError, match="the scheduler is gone; start it again"):
        boards.refresh()
