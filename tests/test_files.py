"""Files of a run: whole, open to readers, and never written through what somebody put in their place."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from colocate.errors import StoreError
from colocate.files import Keeper, caller_uid, check_folder, keeper_of, make_folder, open_log, remove_file, write_file

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
# Nobody's, and a number that no user has.
NOBODY, STRANGER = 65534, 54321


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user reaches, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def given_to(path: Path, uid: int) -> Path:
    os.chown(path, uid, uid, follow_symlinks=False)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_modes_are_the_same_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    former = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b")
        write_file(tmp_path / "a" / "b" / "text", "é")
    finally:
        os.umask(former)
    assert [mode(tmp_path / "a"), mode(tmp_path / "a/b"), mode(tmp_path / "a/b/text")] == [0o755, 0o755, 0o644]
    assert (tmp_path / "a/b/text").read_bytes() == "é".encode()


def test_a_folder_for_a_group_hands_the_group_on(tmp_path: Path) -> None:
    tmp_path.chmod(0o2755)
    make_folder(tmp_path / "run")
    assert mode(tmp_path / "run") == 0o2755


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_file(tmp_path / "cells.csv", "old")
    held = path.open()
    write_file(path, "new")
    assert (held.read(), path.read_text()) == ("old", "new")
    held.close()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(OSError, match="No space left"):
        write_file(path, "newer")
    assert path.read_text() == "new" and [*tmp_path.iterdir()] == [path]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    assert write_file(tmp_path / ("x" * 255), "").exists()


@pytest.mark.parametrize("act", [lambda path: write_file(path, "ours"), remove_file])
def test_a_link_is_refused_and_not_followed(tmp_path: Path, act: Callable[[Path], object]) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs")
    (tmp_path / "cells.csv").symlink_to(theirs)
    with pytest.raises(StoreError, match=r"cells.csv is a symbolic link.*remove it"):
        act(tmp_path / "cells.csv")
    assert theirs.read_text() == "theirs" and (tmp_path / "cells.csv").is_symlink()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_left_as_it_is(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "cells.csv")
    for act in (lambda path: write_file(path, ""), remove_file):
        with pytest.raises(StoreError, match=r"cells.csv is no file.*move it away"):
            act(tmp_path / "cells.csv")
    assert (tmp_path / "cells.csv").exists()


def test_a_folder_is_not_made_of_a_link_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "figures").symlink_to("elsewhere")
    with pytest.raises(StoreError, match="figures is a symbolic link"):
        make_folder(tmp_path / "figures")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="file is no folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "below")


def test_who_is_not_root_acts_for_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert keeper_of(tmp_path / "no such folder") == Keeper()


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_a_log_is_added_to_and_is_no_link_nor_pipe(tmp_path: Path, umask: int) -> None:
    log, former = tmp_path / "task.log", os.umask(umask)
    try:
        for word in (b"one", b"two"):
            descriptor = open_log(log)
            os.write(descriptor, word)
            assert os.pread(descriptor, 3, 0) == b"one"
            os.close(descriptor)
    finally:
        os.umask(former)
    assert log.read_text() == "onetwo" and mode(log) == 0o644
    (tmp_path / "link").symlink_to(log)
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(StoreError, match=name):
            open_log(tmp_path / name)


def test_who_called_root_is_known_from_sudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert caller_uid() == 1000
    for text in ("", "0", "-5", "x", "9" * 50):
        monkeypatch.setenv("SUDO_UID", text)
        assert caller_uid() is None
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert caller_uid() is None


@AS_ROOT
def test_the_first_user_on_the_way_keeps_all_below(open_folder: Path) -> None:
    (open_folder / "a" / "b").mkdir(parents=True)
    assert keeper_of(open_folder / "a/b") == Keeper()
    given_to(open_folder / "a/b", STRANGER)
    assert keeper_of(open_folder / "a/b").uid == STRANGER
    given_to(open_folder / "a", NOBODY)
    assert keeper_of(open_folder / "a/b").uid == NOBODY
    assert keeper_of(open_folder / "a/b/../..").uid == NOBODY


@AS_ROOT
def test_a_link_is_as_good_as_its_owner(open_folder: Path) -> None:
    (open_folder / "a").mkdir()
    (open_folder / "up").symlink_to("./a/../a")
    assert keeper_of(open_folder / "up") == Keeper()
    given_to(open_folder / "up", NOBODY)
    assert keeper_of(open_folder / "up").uid == NOBODY
    (open_folder / "ring").symlink_to("ring")
    with pytest.raises(OSError, match="Too many levels"):
        keeper_of(open_folder / "ring")
    with pytest.raises(FileNotFoundError):
        keeper_of(open_folder / "nothing")


@AS_ROOT
def test_a_folder_that_all_may_write_is_refused_unless_names_are_their_owners(open_folder: Path) -> None:
    open_folder.chmod(0o777)
    with pytest.raises(StoreError, match=f"anybody may replace what lies in {open_folder}: chmod o-w"):
        write_file(open_folder / "cells.csv", "")
    open_folder.chmod(0o1777)
    write_file(open_folder / "cells.csv", "")


@AS_ROOT
def test_root_writes_as_the_keeper(open_folder: Path) -> None:
    run = given_to(open_folder, NOBODY) / "run"
    make_folder(run)
    write_file(run / "cells.csv", "")
    assert {run.stat().st_uid, (run / "cells.csv").stat().st_uid} == {NOBODY}
    # This thread is root as before.
    own = open_folder.parent / f"{open_folder.name}-own"
    own.touch()
    assert own.stat().st_uid == 0
    own.unlink()


@AS_ROOT
def test_a_keeper_leads_root_nowhere_that_is_closed_to_the_keeper(open_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir(mode=0o755)
    kept = given_to(open_folder, NOBODY)
    (kept / "run").symlink_to(tmp_path / "outside")
    with pytest.raises(PermissionError, match="for user nobody, who can replace it"):
        write_file(kept / "run" / "cells.csv", "")
    with pytest.raises(PermissionError):
        make_folder(kept / "run" / "figures")
    assert [*(tmp_path / "outside").iterdir()] == []


@AS_ROOT
def test_a_keeper_has_none_of_roots_groups(open_folder: Path) -> None:
    group = open_folder / "of group root"
    group.mkdir()
    group.chmod(0o1770)
    with pytest.raises(PermissionError):
        Keeper(STRANGER, STRANGER).run(lambda: (group / "file").touch())
    assert Keeper(STRANGER, STRANGER).name == "user 54321"


def test_a_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "results" / "run")
    assert [*tmp_path.iterdir()] == []


def test_where_no_folder_can_be_is_found_without_making_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "nowhere").symlink_to("missing")
    for path, said in (
        ("file", "is no folder"),
        ("file/run", "Not a directory"),
        ("link", "is a symbolic link"),
        ("nowhere/run", "cannot lie in it"),
    ):
        with pytest.raises(StoreError, match=said):
            check_folder(tmp_path / path)
    check_folder(tmp_path / "link" / "run")
    assert {each.name for each in tmp_path.iterdir()} == {"file", "link", "nowhere"}


@AS_ROOT
def test_a_folder_of_others_is_tried_with_their_rights(open_folder: Path) -> None:
    kept = given_to(open_folder, NOBODY)
    check_folder(kept / "run")
    (kept / "etc").symlink_to("/etc")
    with pytest.raises(StoreError, match="Permission denied for user nobody"):
        check_folder(kept / "etc" / "run")
