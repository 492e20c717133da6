from __future__ import annotations

from pathlib import Path

import pytest

from colocate.host.restore import knobs
from tests.host.boards import BOARDS, Board, Kernel


@pytest.fixture(autouse=True)
def prompt_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of plain files takes a value over at once; a real kernel is met in tests/board_vm."""
    monkeypatch.setattr(knobs, "_TAKEN_OVER_S", 0.0)


@pytest.fixture(params=BOARDS, ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Board:
    found: Board = request.param
    return found


@pytest.fixture
def kernel(board: Board, tmp_path: Path) -> Kernel:
    return board.build(tmp_path / "root")
