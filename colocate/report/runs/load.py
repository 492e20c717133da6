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
    """A run in a folder. `header` is None where it cannot be read, and `reason` says why; also where there is no
    run.sqlite beside its tables.

    `done` and `failed` count its trials, of all `boards`; `started_unix_s` is None before the first has ended,
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
    """The run in `folder`, and those in its folders and in theirs, by name. Raises SpecError where there is no such
    folder.
    """
    try:
        folders = _below(folder)
    except OSError as error:
        raise SpecError(f"cannot list the runs in {folder}: {error.strerror}; name the folder of the runs") from error
    return tuple(_listed(path) for path in (folder, *folders) if _is_run(path))


def _below(folder: Path) -> Iterator[Path]:
    """Its folders, each followed by those in it; a run has none of interest."""
    inside = sorted(path for path in folder.iterdir() if path.is_dir())
    return itertools.chain.from_iterable((path, *_own_folders(path)) for path in inside)


def _own_folders(folder: Path) -> Sequence[Path]:
    try:
        return () if _is_run(folder) else sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        # One of somebody else's.
        return ()


def _is_run(folder: Path) -> bool:
    """Whether it has a run's file or tables; not where it is closed to this user."""
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
