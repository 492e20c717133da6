from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.store.held_file import HeldFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir()
    (made / "file").write_text("ours")
    return made


@pytest.fixture
def held(folder: Path) -> Iterator[HeldFile]:
    file = HeldFile(folder / "file")
    yield file
    file.close()


def test_a_file_that_stays_is_there(folder: Path, held: HeldFile) -> None:
    assert held.is_there() and held.now_at() == folder / "file"


def test_a_folder_that_is_moved_takes_it_along(folder: Path, held: HeldFile, tmp_path: Path) -> None:
    folder.rename(tmp_path / "elsewhere")
    assert not held.is_there() and held.now_at() == tmp_path / "elsewhere" / "file"
    shutil.copytree(tmp_path / "elsewhere", folder)
    assert not held.is_there()


def test_a_link_to_it_is_not_it(folder: Path, held: HeldFile, tmp_path: Path) -> None:
    (folder / "file").rename(tmp_path / "file")
    (folder / "file").symlink_to(tmp_path / "file")
    assert not held.is_there() and held.now_at() == tmp_path / "file"


def test_what_is_deleted_is_nowhere(folder: Path, held: HeldFile) -> None:
    shutil.rmtree(folder)
    assert not held.is_there() and held.now_at() is None


def test_a_file_that_never_was_is_not_held(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        HeldFile(tmp_path / "file")
