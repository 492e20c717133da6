"""The runs in a folder, and how far each has come."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import SpecError, StoreError
from colocate.report.run_report import load, state_of_run
from colocate.store.database import holds_run
from colocate.store.run_file import Header, Run


class RunState(str, enum.Enum):
    """How far a run has come."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    UNREADABLE = "unreadable"
    TABLES_ONLY = "without run.sqlite"


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run in a folder. `header` is None if there is no run.sqlite, or if it cannot be read; then `reason` says why.

    `done` and `failed` count the trials of all `boards`. `started_unix_s` is None before the first trial has ended,
    and for a model.
    """

    folder: Path
    state: RunState
    header: Header | None = None
    done: int = 0
    failed: int = 0
    started_unix_s: float | None = None
    reason: str = ""
    boards: int = 1


def find_runs(folder: Path) -> tuple[ListedRun, ...]:
    """The runs in `folder` and up to two levels below it, by name. Raises SpecError if `folder` cannot be listed."""
    try:
        folders = _below(folder)
    except OSError as error:
        raise SpecError(f"cannot list the runs in {folder}: {error.strerror}; name the folder of the runs") from error
    return tuple(_listed(path) for path in (folder, *folders) if _is_run(path))


def _below(folder: Path) -> Iterator[Path]:
    """The folders in `folder`, each followed by its own folders; those inside a run are left out."""
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    return itertools.chain.from_iterable((path, *_own_folders(path)) for path in inside)


def _own_folders(folder: Path) -> Sequence[Path]:
    try:
        return () if _is_run(folder) else sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        # This user may not read it.
        return ()


def _is_run(folder: Path) -> bool:
    """Whether `folder` has the file or the tables of a run; False if this user may not read it."""
    try:
        return holds_run(folder) or (folder / "cells.csv").is_file()
    except (OSError, StoreError):
        return False


def _listed(folder: Path) -> ListedRun:
    if not holds_run(folder):
        return ListedRun(folder, RunState.TABLES_ONLY)
    try:
        with Run.read(folder) as run:
            header, by_board, failed = run.header(), run.done_by_board(), sum(1 for _ in run.failures())
            first = next(iter(run.records()), None)
        done = sum(map(len, by_board.values()))
        finished = done + failed >= header.planned_on(len(by_board))
        if header.spec.until_decided:
            # Its records alone can say how many trials it takes.
            finished = state_of_run(load(folder)).finished
    except StoreError as error:
        return ListedRun(folder, RunState.UNREADABLE, reason=str(error))
    state = RunState.FINISHED if finished else RunState.UNFINISHED
    # A model has a clock of its own, which tells no date.
    dated = first is not None and not header.facts.virtual_time
    started_unix_s = first.started_unix_s if first and dated else None
    return ListedRun(folder, state, header, done, failed, started_unix_s, boards=len(by_board))
