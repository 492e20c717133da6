"""A stored run, read once for all that is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from colocate.errors import StoreError
from colocate.forked import Meanwhile
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


class Loading:
    """The run in `folder`, finished or not, whose records are read, and whose evidence is worked out when it is
    wanted; with `meanwhile` by a child from now on.

    Where whoever wrote the run has its `outcomes`, its header alone is read. Raises StoreError where there is no run
    that can be read.
    """

    def __init__(
        self,
        folder: Path,
        changes: LimitChanges | None = None,
        outcomes: Sequence[Outcome] | None = None,
        *,
        meanwhile: bool = False,
    ) -> None:
        with Run.read(folder) as run:
            self.header = run.header()
            outcomes = tuple(run.outcomes()) if outcomes is None else outcomes
        self._folder, self._changes = folder, changes or LimitChanges()
        self._records = tuple(each for each in outcomes if isinstance(each, TrialRecord))
        self._failures = tuple(each for each in outcomes if isinstance(each, Failure))
        self._child = Meanwhile(self._collected) if meanwhile else None

    def _collected(self) -> tuple[Evidence, ...]:
        return collect(self._records, self.header.spec, [failure.trial for failure in self._failures])

    def run(self) -> LoadedRun:
        """With its evidence. Raises StoreError where what it holds contradicts itself."""
        try:
            evidence = self._collected() if self._child is None else self._child.result()
        except ValueError as error:
            raise StoreError(f"the run in {self._folder} is damaged: {error}") from error
        return LoadedRun(self._folder, self.header, self._records, self._failures, evidence, self._changes)

    def close(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.close()


def load(folder: Path, changes: LimitChanges | None = None) -> LoadedRun:
    """Read the run in `folder`, finished or not. Raises StoreError where there is none that can be read."""
    return Loading(folder, changes).run()


def state_of_run(run: LoadedRun) -> StudyState:
    """How far the run has come, and what of it may be judged. Raises StoreError where it is damaged."""
    header, failed = run.header, [failure.trial for failure in run.failures]
    try:
        return state_of(plan(header.spec, header.facts), header.spec, run.records, failed, run.evidence)
    except ValueError as error:
        raise StoreError(f"the run in {run.folder} is damaged: {error}") from error
