"""The board that ran a trial <-> cells of its row. A board's facts are in its first row, and where they changed."""

from __future__ import annotations

from pydantic import TypeAdapter

from colocate.model.fleet import Board
from colocate.model.machine import HostFacts
from colocate.store.cells import decoded
from colocate.store.checksum import Cell
from colocate.store.trial_log import Cells

_facts = TypeAdapter(HostFacts)


class BoardCells:
    """Reads and writes the board cells of a run's rows, from first to last, and remembers each board's facts."""

    def __init__(self) -> None:
        self._known: dict[str, Board] = {}

    def read(self, cells: Cells, version: int) -> Board | None:
        """Return the board of the next row; None for the run's own machine.

        Raises ValueError if no row so far has the board's facts.
        """
        name, facts = cells.get("board"), cells.get("board_facts")
        if name is None and facts is None:
            return None
        if not isinstance(name, str) or (facts is None and name not in self._known):
            raise ValueError(f"no row says what board {name!r:.40} is")
        if facts is not None:
            self._known[name] = Board(name, decoded(_facts, facts, version))
        return self._known[name]

    def written(self, board: Board | None) -> dict[str, Cell]:
        """Return the board cells of the next row, which `board` ran."""
        if board is None:
            return {}
        before = self._known.get(board.name)
        self._known[board.name] = board
        same = before is not None and before.facts == board.facts
        return {"board": board.name, "board_facts": None if same else _facts.dump_json(board.facts).decode()}
