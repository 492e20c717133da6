"""Write the report of a run. Everything written here can be rebuilt from `run.sqlite`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colocate.errors import StoreError
from colocate.files import write_file
from colocate.model.trial import Outcome
from colocate.report.run_report import LoadedRun, Loading
from colocate.report.sections import Section, section_of
from colocate.report.sweep.columns import write_cells
from colocate.report.text.captions import caption_of
from colocate.report.tx1.provenance import write_provenance
from colocate.request.limit_keys import LimitChanges

if TYPE_CHECKING:
    from colocate.report.drawing.saving import Pages


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a run: its `content` so far, the `files` that were written, and the section that prints it."""

    run: LoadedRun
    section: Section[Any]
    content: Any
    files: tuple[Path, ...]


def write_report(
    folder: Path,
    changes: LimitChanges | None = None,
    aim: Mapping[str, Any] | None = None,
    outcomes: Sequence[Outcome] | None = None,
) -> Report:
    """Write the tables, figures, page and report.md of the run in `folder`, which may be unfinished.

    `changes` override its limits. `aim` replaces fields of the Aim that a run of `colocate efficiency` was made with.
    For `outcomes` see `Loading`.
    Raises StoreError if the folder holds no readable run or cannot be written, and SpecError for limits or an aim
    that this kind of run cannot have.
    """
    with contextlib.closing(Loading(folder, changes, outcomes, meanwhile=True)) as loading:
        # Meanwhile: what draws brings matplotlib, which takes as long to import.
        section = section_of(loading.header.purpose)
        from colocate.report.drawing.saving import Drawing

        run = loading.run()
    content = section.load(run, aim or {})
    try:
        # Figures take longest: they are drawn while the rest is written.
        with contextlib.closing(Drawing(_figures(run, section, content))) as drawing:
            files = [
                write_cells(run),
                *section.files(content, run),
                write_file(folder / "report.md", f"{section.markdown(content, run)}\n"),
                *write_provenance(run),
                *drawing.save(folder / "figures"),
            ]
    except OSError as error:
        raise StoreError(f"cannot write the report into {folder}: {error.strerror}") from error
    return Report(run, section, content, tuple(files))


def _figures(run: LoadedRun, section: Section[Any], content: Any) -> Iterator[tuple[str, Pages]]:
    from colocate.report.tx1.validation import draw_validation

    caption = caption_of(run.header, run.cells, run.records)
    # First, as it takes longest.
    yield "validation", partial(draw_validation, run.header.provenance, caption)
    yield from section.figures(content, run, caption)
