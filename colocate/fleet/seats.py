"""The state of a board as the client knows it, and the outcomes that it gave."""

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
    """A board as the client knows it, and its present `address`.

    It is `ready` after it showed that it can run the study; `refused` says why it cannot. `future` is the call that
    it has not answered, sent to the address `at`: for `block`, or if that is empty for a description of itself.
    `gone_s` is the time.monotonic() at which it went away, None if it is there.
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
    """Yield the outcomes of a block, each with the board that ran it."""
    board = Board(name, ended.facts)
    return (dataclasses.replace(outcome, board=board) for outcome in ended.outcomes)


def refuse_version(name: str, found: BoardLook) -> None:
    """Raise HostError if a board has another version of colocate."""
    if found.version != __version__:
        raise HostError(f"board {name} has colocate {found.version}, this is {__version__}: install the same on both")


def line_of(error: BaseException) -> str:
    """The first line of the message of an error from another machine."""
    return (str(error) or type(error).__name__).splitlines()[0]
