from __future__ import annotations

import pytest

from colocate.host.restore import knobs


@pytest.fixture(autouse=True)
def prompt_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of plain files takes a value over at once; a real kernel is met in tests/board_vm."""
    monkeypatch.setattr(knobs, "_TAKEN_OVER_S", 0.0)
