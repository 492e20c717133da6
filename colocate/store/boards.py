"""The board of a row <-> its cells. What a board is stands in its first row, and again in a row where it changed."""

from __future__ import annotations

from pydantic import TypeAdapter

from colocate.model.fleet import Board
from colocate.model.machine import HostFacts
from colocate.store.cells import decoded
from colocate.store.checksum import Cell
from colocate.store.trial_log import Cells

_facts = TypeAdapter(HostFacts)


class BoardCells:
    """The boards of one run, as its rows name them from the first to the last."""

    def __init__(self) -> None:
        self._known: dict[str, Board] = {}

    def read(self, cells: Cells, version: int) -> Board | None:
        """The board of the row that follows those read so far. Raises ValueError for one that no row describes."""
        name, facts = cells.get("board"), cells.get("board_facts")
        if name is None and facts is None:
            return None
        if not isinstance(name, str) or (facts is None and name not in self._known):
            raise ValueError(f"no row says what board {name!r:.40} is")
        if facts is not None:
            self._known[name] = Board(name, decoded(_facts, facts, version))
        return self._known[name]

    def written(self, board: Board | None) -> dict[str, Cell]:
        """The cells of the next row, which this board ran."""
        if board is None:
            return {}
        before = self._known.get(board.name)
        self._known[board.name] = board
        same = before is not None and before.facts == board.facts
        return {"board": board.name, "board_facts": None if same else _facts.dump_json(board.facts).decode()}
