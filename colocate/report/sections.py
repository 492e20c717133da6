"""What a kind of run shows: a folder here named after the run's command, with a `SECTION` in its `section.py`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from colocate.errors import SpecError
from colocate.model.purpose import Purpose
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import Caption

if TYPE_CHECKING:
    from colocate.report.drawing.saving import Pages

_Content = TypeVar("_Content")


@dataclass(frozen=True, slots=True)
class Section(Generic[_Content]):
    """One kind of run. `load` makes its content, from which all else is made.

    `load` is also given the fields of an `Aim` that the user changed. `files` writes tables and pages into the folder
    of the run. `figures` gives of each figure the name of its file, and what draws its pages.
    `show` prints on a terminal, `json` for `--json`; `markdown` is report.md. `first` names the files to open first,
    where there are many.
    """

    load: Callable[[LoadedRun, Mapping[str, Any]], _Content]
    files: Callable[[_Content, LoadedRun], Iterable[Path]]
    figures: Callable[[_Content, LoadedRun, Caption], Iterable[tuple[str, Pages]]]
    show: Callable[[_Content, LoadedRun], None]
    json: Callable[[_Content, LoadedRun], Mapping[str, Any]]
    markdown: Callable[[_Content, LoadedRun], str]
    first: Callable[[_Content, LoadedRun], Sequence[str]] = lambda content, run: ()


def section_of(purpose: Purpose) -> Section[Any]:
    """The section that shows runs of this purpose."""
    section: Section[Any] = importlib.import_module(f"colocate.report.{purpose.command}.section").SECTION
    return section


def refuse_aim(changes: Mapping[str, Any]) -> None:
    """Raise SpecError for an aim that a run without settings cannot have."""
    if changes:
        raise SpecError("only a run of `colocate efficiency` has settings to choose from; see colocate advise")


def refuse_limits(run: LoadedRun) -> None:
    """Raise SpecError for limits on a run that has nothing to judge."""
    for key in (*run.changes.given, *run.changes.without):
        raise SpecError(f"{key}: a run of `colocate {run.header.purpose.command}` has nothing to judge; leave it out")
