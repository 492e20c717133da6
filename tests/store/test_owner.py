from __future__ import annotations

import os
import tempfile
from pathlib import Path
from unittest.mock import patch

import pytest

from colocate.errors import StoreError
from colocate.store.owner import copied, replaceable_by_others, writable_by_others

NAMES = ("file", "file-wal")


def test_what_is_mine_and_closed_is_nobody_elses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "file").chmod(0o644)
    assert writable_by_others(tmp_path) == writable_by_others(tmp_path / "file") == ""
    # Folders around it are closed or, as /tmp, sticky.
    assert not replaceable_by_others(tmp_path / "file")


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o757])
def test_what_others_can_write_is_said(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    assert writable_by_others(tmp_path) == f"can be written by others (mode {mode:o})"
    assert replaceable_by_others(tmp_path / "file")


def test_what_another_user_owns_is_said(tmp_path: Path) -> None:
    with patch("os.geteuid", return_value=os.geteuid() + 1):
        # What root owns, root could have written anyway.
        assert writable_by_others(tmp_path) == (f"belongs to user {os.getuid()}" if os.getuid() else "")
    if os.getuid() == 0:
        os.chown(tmp_path, 12345, 12345)
        assert writable_by_others(tmp_path) == "belongs to user 12345"


def test_a_copy_is_what_the_files_were(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("abc")
    tmp_path.chmod(0o777)
    with copied(tmp_path, NAMES) as (own, others):
        assert [(path.name, path.read_text()) for path in own.iterdir()] == [("file", "abc")]
        assert (others, own.stat().st_mode & 0o777) == ("can be written by others (mode 777)", 0o700)
    assert not own.exists()


def test_a_copy_follows_no_link_and_waits_for_no_pipe(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("abc")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "file-wal").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError), copied(tmp_path, NAMES):
        pass
    (tmp_path / "file-wal").unlink()
    os.mkfifo(tmp_path / "file-wal")
    with pytest.raises(StoreError, match=r"file-wal is no regular file"), copied(tmp_path, NAMES):
        pass


def test_a_copy_is_of_one_moment(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("before")
    (tmp_path / "file-wal").write_text("log")
    times: list[None] = []
    real = os.fstat

    def grows(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if len(times) < 3:
            # The writer is at it while the first copy is made.
            times.append(None)
            (tmp_path / "file").write_text("after " * len(times))
        return status

    with patch("os.fstat", grows), copied(tmp_path, NAMES) as (own, _):
        assert (own / "file").read_text() == (tmp_path / "file").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be led elsewhere")
def test_a_link_of_another_user_may_lead_elsewhere_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    with tempfile.TemporaryDirectory() as name:
        around = Path(name)
        (around / "run").mkdir()
        (around / "run" / "run.sqlite").touch()
        (around / "link").symlink_to("run")
        assert not replaceable_by_others(around / "link" / "run.sqlite")
        os.chown(around / "link", 65534, 65534, follow_symlinks=False)
        assert replaceable_by_others(around / "link" / "run.sqlite")
        # Who called root through sudo could do it anyway.
        monkeypatch.setenv("SUDO_UID", "65534")
        assert not replaceable_by_others(around / "link" / "run.sqlite")
        monkeypatch.delenv("SUDO_UID")
        os.chown(around / "link", 0, 0, follow_symlinks=False)
        around.chmod(0o777)
        assert replaceable_by_others(around / "link" / "run.sqlite")
