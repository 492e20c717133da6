"""A stored run, read once for all that is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colocate.errors import StoreError
from colocate.model.cell import Cell
from colocate.model.limits import Limits
from colocate.model.trial import Failure, Outcome, TrialRecord
from colocate.request.limit_keys import LimitChanges
from colocate.store.run_file import Header, Run
from colocate.study.evidence import Evidence, collect
from colocate.study.plan import plan
from colocate.study.stages import StudyState, state_of


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """The run in `folder` as far as it has come: every record, and the evidence of every cell.

    `changes` are what the user asks of its limits.
    """

    folder: Path
    header: Header
    records: tuple[TrialRecord, ...]
    failures: tuple[Failure, ...]
    evidence: tuple[Evidence, ...]
    changes: LimitChanges = field(default_factory=LimitChanges)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, solo baselines included, in the order of every table."""
        return tuple(each.cell for each in self.evidence)

    @property
    def limits(self) -> Limits | None:
        """The limits in force: the study's, with `changes` over them. Raises SpecError where they make no sense."""
        return self.changes.over(self.header.spec.limits)


def load(folder: Path, changes: LimitChanges | None = None, outcomes: Sequence[Outcome] | None = None) -> LoadedRun:
    """Read the run in `folder`, finished or not; where whoever wrote it has its `outcomes`, its header alone.

    Raises StoreError where there is none that can be read.
    """
    with Run.read(folder) as run:
        header = run.header()
        outcomes = tuple(run.outcomes()) if outcomes is None else outcomes
    records = tuple(each for each in outcomes if isinstance(each, TrialRecord))
    failures = tuple(each for each in outcomes if isinstance(each, Failure))
    try:
        evidence = collect(records, header.spec, [failure.trial for failure in failures])
    except ValueError as error:
        raise StoreError(f"the run in {folder} is damaged: {error}") from error
    return LoadedRun(folder, header, records, failures, evidence, changes or LimitChanges())


def state_of_run(run: LoadedRun) -> StudyState:
    """How far the run has come, and what of it may be judged. Raises StoreError where it is damaged."""
    header, failed = run.header, [failure.trial for failure in run.failures]
    try:
        return state_of(plan(header.spec, header.facts), header.spec, run.records, failed, run.evidence)
    except ValueError as error:
        raise StoreError(f"the run in {run.folder} is damaged: {error}") from error
