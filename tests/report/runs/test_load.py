"""Which runs a folder holds, and how far each has come."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.model.limits import Limits
from colocate.model.trial import Failure
from colocate.report.runs.load import RunState, find_runs
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from tests.report.compare.runs import run


def test_every_run_in_a_folder_is_found_by_name(tmp_path: Path) -> None:
    run(tmp_path / "b")
    run(tmp_path / "a", done=7)
    run(tmp_path / "c", done=0)
    (tmp_path / "no run").mkdir()
    (tmp_path / "file").write_text("")
    found = find_runs(tmp_path)
    assert [(each.folder.name, each.state.value, each.done, each.failed) for each in found] == [
        ("a", "unfinished", 7, 0), ("b", "finished", 9, 0), ("c", "unfinished", 0, 0),
    ]  # fmt: skip
    assert [each.started_unix_s for each in found] == [0.0, 0.0, None]
    assert all(each.header is not None and each.header.planned == 9 for each in found)
    assert [each.folder for each in find_runs(tmp_path / "b")] == [tmp_path / "b"], "a run is a folder of one run"


def test_runs_are_found_two_levels_below_and_not_in_a_run(tmp_path: Path) -> None:
    run(tmp_path / "study/before")
    run(tmp_path / "study/before/inside")
    run(tmp_path / "study/very/deep")
    (tmp_path / "copied").mkdir()
    (tmp_path / "copied/cells.csv").write_text("network\n")
    found = find_runs(tmp_path)
    assert [(each.folder.relative_to(tmp_path).as_posix(), each.state.value) for each in found] == [
        ("copied", "without run.sqlite"), ("study/before", "finished"),
    ]  # fmt: skip


def test_a_failed_trial_has_ended(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", done=8)
    with Run.read(run(tmp_path / "whole")) as whole:
        *_, last = whole.records()
    with Run.resume(folder) as resumed:
        resumed.append(Failure(last.trial, "out of memory"))
    assert [(each.state, each.done, each.failed) for each in find_runs(folder)] == [(RunState.FINISHED, 8, 1)]


def test_a_study_until_decided_is_finished_when_its_records_say_so(tmp_path: Path) -> None:
    with Run.read(run(tmp_path / "fixed", repeats=5)) as fixed:
        header, records = fixed.header(), list(fixed.records())
    spec = dataclasses.replace(header.spec, limits=Limits(max_slowdown=9.0), until_decided=True)
    with Run.create(tmp_path / "decided", dataclasses.replace(header, spec=spec, planned=999)) as made:
        for record in records:
            made.append(record)
    (found,) = find_runs(tmp_path / "decided")
    assert (found.state, found.done) == (RunState.FINISHED, len(records)), "settled long before its most repeats"


def test_a_file_that_is_no_run_is_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("not a database, but long enough to be taken for one")
    (found,) = find_runs(tmp_path)
    assert (found.state, found.header) == (RunState.UNREADABLE, None)
    assert str(tmp_path) in found.reason


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=f"cannot list the runs in {tmp_path}/none: No such file"):
        find_runs(tmp_path / "none")
