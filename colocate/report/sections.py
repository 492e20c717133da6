"""Find how to show a kind of run: the folder here with the name of its command has a `SECTION` in `section.py`."""

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
    """How to show one kind of run. `load` makes the content of the report; all other functions take that content.

    `load` also takes the fields of the run's `Aim` that the user changed. `files` writes tables and pages into the
    folder of the run. `figures` yields, for each figure, the name of its file and a function that draws its pages.
    `show` prints on a terminal, `json` is for `--json`, and `markdown` makes report.md. `first` names the files to
    open first, if there are many.
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
    """Raise SpecError if the user changes an aim: only a run of `colocate efficiency` allows that."""
    if changes:
        raise SpecError("only a run of `colocate efficiency` has settings to choose from; see colocate advise")


def refuse_limits(run: LoadedRun) -> None:
    """Raise SpecError if the user changes a limit, for a kind of run that has nothing to judge."""
    for key in (*run.changes.given, *run.changes.without):
        raise SpecError(f"{key}: a run of `colocate {run.header.purpose.command}` has nothing to judge; leave it out")
