"""A run's file that somebody made to do more than to be read."""

from __future__ import annotations

import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from colocate.errors import StoreError
from colocate.store.database import FILE_NAME, named_errors, opened_to_read
from colocate.store.run_file import Run
from tests.store.test_run_file import HEADER, record

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Run.create(tmp_path / "run", HEADER) as new:
        new.append(record(0))
    return tmp_path / "run"


@pytest.mark.parametrize(
    "statement",
    [
        f"CREATE VIEW more AS {ENDLESS}",
        "CREATE TRIGGER more AFTER INSERT ON trial BEGIN DELETE FROM trial; END",
        "CREATE TABLE more (x)",
        "CREATE INDEX more ON trial (trial_id)",
        "ALTER TABLE header ADD COLUMN more AS (json) VIRTUAL",
        "ALTER TABLE trial RENAME COLUMN rails TO more",
        f"DROP TABLE trial; CREATE VIEW trial AS {ENDLESS}",
    ],
)
def test_other_tables_than_a_runs_are_refused(run: Path, statement: str) -> None:
    with sqlite3.connect(run / FILE_NAME) as connection:
        connection.executescript(statement)
    for opened in (Run.read, Run.resume):
        with pytest.raises(StoreError, match=r"run.sqlite is damaged: its tables are not those of a run \("):
            opened(run)


def test_the_file_is_not_trusted(run: Path) -> None:
    with Run.read(run) as reader:
        assert reader._connection.execute("PRAGMA trusted_schema").fetchone() == (0,)


def test_a_full_disk_is_named_with_what_to_do(run: Path) -> None:
    # A database may have a largest number of pages, and is as full then as with its disk.
    said = rf"the run in {run} cannot be used: database or disk is full; free some space there$"
    with sqlite3.connect(run / FILE_NAME) as small, pytest.raises(StoreError, match=said), named_errors(run):
        small.execute("PRAGMA max_page_count = 1")
        small.execute("CREATE TABLE more AS SELECT zeroblob(1000000)")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "No space left on device; free some space there"),
        (errno.EACCES, "denied; look at the permissions of the file and its folder"),
        (errno.ENOTTY, "ioctl for device"),
    ],
)
def test_what_the_system_says_is_kept(tmp_path: Path, number: int, said: str) -> None:
    with pytest.raises(StoreError, match=rf"cannot be used: .*{said}$"), named_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_a_folder_that_is_not_there_is_told_from_one_that_cannot_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreError, match=rf"there is no folder {tmp_path}/gone;"), opened_to_read(tmp_path / "gone"):
        pass
    with pytest.raises(StoreError, match=rf"{tmp_path} holds no run: there is no"), opened_to_read(tmp_path):
        pass

    def denied(self: Path) -> os.stat_result:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "lstat", denied)
    with (
        pytest.raises(StoreError, match=rf"{tmp_path} cannot be looked into: Permission denied$"),
        opened_to_read(tmp_path),
    ):
        pass


LASTS = f"""
import pathlib, sys
from colocate.errors import Interrupted
from colocate.host.processes.signals import interruptible, undisguised
from colocate.store.database import named_errors
from colocate.store.run_file import Run
folder = pathlib.Path(sys.argv[1])
try:
    with Run.read(folder) as run, interruptible(), undisguised(), named_errors(folder):
        print("begun", flush=True)
        run._connection.execute("{ENDLESS}").fetchall()
except Interrupted as interrupted:
    sys.exit(interrupted.exit_code)
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_query(run: Path, signum: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", LASTS, run], stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None and child.stdout.readline() == "begun\n"
            child.send_signal(signum)
            assert child.wait(60) == 128 + signum
        finally:
            child.kill()


@pytest.mark.parametrize("name", [FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", f"{FILE_NAME}-journal"])
def test_no_link_is_followed(run: Path, tmp_path: Path, name: str) -> None:
    other = tmp_path / "other"
    other.write_text("of somebody")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(other)
    for opened in (Run.read, Run.resume):
        with pytest.raises(StoreError, match=rf"{name} is no regular file"):
            opened(run)
    assert other.read_text() == "of somebody"


def test_no_pipe_is_waited_for(run: Path) -> None:
    (run / FILE_NAME).unlink()
    os.mkfifo(run / FILE_NAME)
    for opened in (Run.read, Run.resume):
        with pytest.raises(StoreError, match="is no regular file"):
            opened(run)


def test_a_link_in_the_place_of_a_new_run_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is no regular file"):
        Run.create(tmp_path, HEADER)
    assert not (tmp_path / "elsewhere").exists()


def test_a_journal_that_would_remove_another_file_is_refused(run: Path) -> None:
    # As SQLite writes one for a transaction over two databases.
    (run / f"{FILE_NAME}-journal").write_bytes(b"\0" * 512 + b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
    with pytest.raises(StoreError, match="names a file of another database"):
        Run.resume(run)


@pytest.mark.parametrize("which", ["folder", "file"])
def test_a_run_that_others_can_write_is_read_from_a_copy_and_continued_when_trusted(run: Path, which: str) -> None:
    (run if which == "folder" else run / FILE_NAME).chmod(0o775)
    with Run.read(run) as reader:
        assert reader.others == "can be written by others (mode 775)"
        assert len(reader.done()) == 1
        ((_, _, path),) = reader._connection.execute("PRAGMA database_list")
        assert Path(path).parent != run
    with pytest.raises(StoreError, match=r"can be written by others \(mode 775\): no command in it is run.*--trust"):
        Run.resume(run)
    with Run.resume(run, trust=True) as writer:
        writer.append(record(1))
        # Together with what still is in the log.
        with Run.read(run) as reader:
            assert len(reader.done()) == 2


def test_a_new_run_is_not_made_where_others_can_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    with pytest.raises(StoreError, match="nothing is written there"):
        Run.create(tmp_path, HEADER)
    Run.create(tmp_path, HEADER, trust=True).__exit__()


def test_a_new_runs_folder_is_closed_to_others_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Run.create(tmp_path / "new", HEADER).__exit__()
    finally:
        os.umask(before)
    Run.resume(tmp_path / "new").__exit__()


def test_another_program_that_locks_the_file_for_a_while_is_waited_for(run: Path) -> None:
    other = sqlite3.connect(run / FILE_NAME, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(1.2, other.execute, ("COMMIT",)).start()
    with Run.read(run) as reader:
        assert len(reader.done()) == 1
    other.close()
