"""A run whose folder is moved, deleted or replaced under the hands of its sweep: it ends, and no trial is lost."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from colocate.errors import RunMovedError
from colocate.model.trial import Failure
from colocate.store.run_file import Run
from tests.commands.command_line import MODEL, colocate
from tests.store.test_run_file import HEADER, TRIALS


def to_elsewhere(run: Path) -> Path:
    return run.rename(run.with_name("else where"))


def swapped(run: Path) -> Path:
    moved = to_elsewhere(run)
    shutil.copytree(moved, run)
    return moved


def to_a_link(run: Path) -> Path:
    moved = to_elsewhere(run)
    run.symlink_to(moved)
    # The file is where it was, for whoever follows the link.
    (moved / "run.sqlite").rename(moved / "other.sqlite")
    return moved / "other.sqlite"


def deleted(run: Path) -> Path:
    shutil.rmtree(run)
    return run


def deleted_with_all_around(run: Path) -> Path:
    shutil.rmtree(run.parent)
    return run


def emptied(run: Path) -> Path:
    for path in run.iterdir():
        path.unlink()
    return run.with_name("run-saved-1")


def replaced(run: Path) -> Path:
    shutil.rmtree(run)
    run.mkdir()
    (run / "run.sqlite").write_bytes(b"of somebody else")
    return run.with_name("run-saved-1")


@pytest.mark.parametrize(
    "change", [to_elsewhere, swapped, to_a_link, deleted, deleted_with_all_around, emptied, replaced]
)
def test_the_next_trial_ends_it_and_says_where_the_data_is(tmp_path: Path, change: Callable[[Path], Path]) -> None:
    (tmp_path / "around").mkdir()
    folder = tmp_path / "around" / "run"
    with Run.create(folder, HEADER) as run:
        run.append(Failure(TRIALS[0], "first"))
        there = change(folder)
        with pytest.raises(RunMovedError) as refused:
            run.append(Failure(TRIALS[1], "second"))
    assert f"the finished trials are in {there}; continue with --resume --out {shlex.quote(str(there))}" in str(
        refused.value
    )
    at = there
    if there.name == "other.sqlite":
        at = tmp_path / "put back"
        at.mkdir()
        there.rename(at / "run.sqlite")
    with Run.read(at) as left:
        assert [failure.message for failure in left.failures()] == ["first", "second"]
    with Run.resume(at) as again:
        again.append(Failure(TRIALS[2], "third"))
    with Run.read(at) as left:
        assert len(list(left.failures())) == 3


def test_where_it_cannot_be_saved_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> None:
        raise OSError(28, "No space left on device")

    with Run.create(tmp_path / "run", HEADER) as run:
        shutil.rmtree(tmp_path / "run")
        monkeypatch.setattr("colocate.store.moved.make_folder", full)
        with pytest.raises(RunMovedError, match=r"deleted while its sweep ran, and cannot be saved: .*No space"):
            run.append(Failure(TRIALS[0], "first"))


def test_a_sweep_says_it_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from colocate.rigs.tx1.rig import Tx1Rig

    measured, out, deleted = Tx1Rig.run, tmp_path / "run", tmp_path / "deleted"

    # Once: windows of the model are run by another process, while this one saves what it has.
    def deleting(rig: Tx1Rig, trial: object) -> object:
        if not deleted.exists():
            deleted.touch()
            shutil.rmtree(out)
        return measured(rig, trial)  # type: ignore[arg-type]

    monkeypatch.setattr(Tx1Rig, "run", deleting)
    done = colocate("sweep", *MODEL, "--out", out)
    assert done.returncode == 4
    assert done.stderr == (
        f"colocate: {out} was deleted while its sweep ran: the finished trials are in {out}; continue with --resume "
        f"--out {out}\n"
    )
    monkeypatch.undo()
    assert colocate("sweep", "--resume", "--quiet", "--out", out).returncode == 0
    assert not os.path.lexists(out / "run.sqlite-wal")
