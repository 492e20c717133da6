"""A stored run, read for all that is made of it."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import pytest

from colocate.errors import StoreError
from colocate.model.request import Inference, Task
from colocate.model.trial import Failure
from colocate.report.run_report import Loading, load, state_of_run
from colocate.report.write import write_report
from colocate.store.run_file import Run
from colocate.study.interference import cells
from tests.report.compare.runs import run


def test_a_run_is_read_with_all_its_cells_as_far_as_it_has_come(tmp_path: Path) -> None:
    found = load(run(tmp_path / "run", done=7))
    assert (found.folder, len(found.records), found.failures) == (tmp_path / "run", 7, ())
    assert found.cells == cells(found.records, found.header.spec)
    assert [cell.task for cell in found.cells] == ["none", "mine"]
    state = state_of_run(found)
    assert (state.finished, len(state.wanted)) == (False, 9)
    assert state_of_run(load(run(tmp_path / "whole"))).finished


def test_a_failed_trial_has_ended_all_the_same(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", done=8)
    with Run.read(run(tmp_path / "whole")) as whole:
        *_, last = whole.records()
    with Run.resume(folder) as resumed:
        resumed.append(Failure(last.trial, "out of memory"))
    found = load(folder)
    assert [failure.message for failure in found.failures] == ["out of memory"]
    assert state_of_run(found).finished, "it has ended"


def test_evidence_that_a_child_works_out_is_the_same(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", done=7)
    found = load(folder)
    with contextlib.closing(Loading(folder, outcomes=found.records, meanwhile=True)) as loading:
        same = loading.run()
    assert (same.header, same.records, same.evidence) == (found.header, found.records, found.evidence)


@pytest.mark.parametrize("foreign", [{"inference": Inference("another")}, {"task": Task("another")}])
def test_a_record_of_something_else_is_damage(tmp_path: Path, foreign: dict[str, object]) -> None:
    folder = run(tmp_path / "run", done=8)
    with Run.read(folder) as stored:
        record = next(iter(stored.records()))
    other = dataclasses.replace(record.trial, trial_id="x", **foreign)  # type: ignore[arg-type]
    if other.inference is None:
        other = dataclasses.replace(other, inference=Inference("another"))
    with Run.resume(folder) as resumed:
        resumed.append(dataclasses.replace(record, trial=other))
    for read in (load, write_report):
        with pytest.raises(StoreError, match=f"the run in {folder} is damaged: "):
            read(folder)


def test_no_run_is_an_error_of_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no run"):
        load(tmp_path)
