"""Read a stored run once, for all parts of its report."""

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
    """What the run in `folder` holds so far: all of its records, and the evidence of every cell.

    A cell is one combination of network, task, containment, placement and clocks. `changes` are the limits of the run
    that the user overrides.
    """

    folder: Path
    header: Header
    records: tuple[TrialRecord, ...]
    failures: tuple[Failure, ...]
    evidence: tuple[Evidence, ...]
    changes: LimitChanges = field(default_factory=LimitChanges)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, solo baselines included, in the order in which tables show them."""
        return tuple(each.cell for each in self.evidence)

    @property
    def limits(self) -> Limits | None:
        """The study's limits with `changes` applied, None if none are left. Raises SpecError for a senseless one."""
        return self.changes.over(self.header.spec.limits)


class Loading:
    """Reads the run in `folder`, finished or not. Its evidence is computed by `run`, or, with `meanwhile`, by a child
    process from now on.

    If the caller passes the `outcomes` of all trials, only the header is read from the file. Raises StoreError if the
    folder holds no readable run.
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
        """The run with its evidence. Raises StoreError if its records contradict each other."""
        try:
            evidence = self._collected() if self._child is None else self._child.result()
        except ValueError as error:
            raise StoreError(f"the run in {self._folder} is damaged: {error}") from error
        return LoadedRun(self._folder, self.header, self._records, self._failures, evidence, self._changes)

    def close(self) -> None:
        """End the child process, if there is one."""
        if self._child is not None:
            self._child.close()


def load(folder: Path, changes: LimitChanges | None = None) -> LoadedRun:
    """Read the run in `folder`, finished or not. Raises StoreError if it holds no readable run."""
    return Loading(folder, changes).run()


def state_of_run(run: LoadedRun) -> StudyState:
    """How far the run has come, and which of its results may be judged. Raises StoreError if it is damaged."""
    header, failed = run.header, [failure.trial for failure in run.failures]
    try:
        return state_of(plan(header.spec, header.facts), header.spec, run.records, failed, run.evidence)
    except ValueError as error:
        raise StoreError(f"the run in {run.folder} is damaged: {error}") from error
