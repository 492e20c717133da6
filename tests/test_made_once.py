"""A run for many tests is made once, and again only where it could not be finished."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_once import made_once


def test_what_could_not_be_finished_is_made_anew_and_then_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        # It begins without what an attempt before it left.
        folder.mkdir()
        made.append(folder)
        if len(made) == 1:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        made_once(tmp_path_factory, "of-its-test/run", make)
    found = [made_once(tmp_path_factory, "of-its-test/run", make) for _ in range(2)]
    assert len(made) == 2 and {*found} == {*made}
