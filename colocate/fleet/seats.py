"""A board as the client knows it, and what it gave."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from colocate.errors import HostError
from colocate.fleet.block import BoardLook, Ended
from colocate.fleet.blocks_left import Block
from colocate.model.fleet import Board
from colocate.model.trial import Outcome
from colocate.version import __version__


@dataclass(slots=True)
class BoardSeat:
    """A board as the client knows it, and where it is now.

    It is `ready` once it showed that it can run the study; `refused` says why it cannot. `future` is what it does,
    at the address `at`: a `block`, or where that is empty a look at itself. `gone_s` is when it went away.
    """

    name: str
    address: str = ""
    ready: bool = False
    refused: str = ""
    future: Any = None
    at: str = ""
    block: Block = ()
    gone_s: float | None = None


def signed(name: str, ended: Ended) -> Iterator[Outcome]:
    """The outcomes of a block with the board that ran it."""
    board = Board(name, ended.facts)
    return (dataclasses.replace(outcome, board=board) for outcome in ended.outcomes)


def refuse_version(name: str, found: BoardLook) -> None:
    """Raise HostError for a board with another version of colocate."""
    if found.version != __version__:
        raise HostError(f"board {name} has colocate {found.version}, this is {__version__}: install the same on both")


def line_of(error: BaseException) -> str:
    """The message of an error from another machine, on one line."""
    return (str(error) or type(error).__name__).splitlines()[0]
