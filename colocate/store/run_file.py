"""One run = one SQLite file, `run.sqlite` in the run's folder. It holds the study, and the outcome of every trial.

A trial is one transaction, which is on the disk before the next trial begins. The folder is locked while a run is
written. Readers see the trials that are finished.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from colocate.errors import StoreError
from colocate.files import FILE_MODE, Keeper, keeper_of, make_folder
from colocate.model.fleet import Sharing
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.purpose import Purpose, SweepPurpose
from colocate.model.request import SweepSpec
from colocate.model.trial import Failure, Outcome, TrialRecord
from colocate.store import schema1, schema2, schema4, trial_log
from colocate.store.boards import BoardCells
from colocate.store.cells import Unpacking, Upgrade, decoded, record_of, row_of, trial_cells, trial_of
from colocate.store.checksum import Cell
from colocate.store.database import (
    FILE_NAME,
    connected,
    holds_run,
    locked,
    named_errors,
    no_run,
    opened_to_read,
    opened_to_write,
    patiently,
    refuse_second,
    refuse_untrusted,
    size_of,
)
from colocate.store.held_file import HeldFile
from colocate.store.moved import refuse_moved
from colocate.store.tables import APPLICATION_ID, SCHEMA_VERSION, TABLES, creation

# By schema: the function that turns JSON of its header into JSON of the next schema.
_HEADERS: Mapping[int, Upgrade] = {1: schema1.header, 2: schema2.header, 4: schema4.header}


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is. It is fixed when the run begins, and must be equal when the run is resumed.

    `request` holds the keys the user gave, `spec` what they mean. `networks` has what was loaded under each name,
    `provenance` what a model's numbers rest on, and `purpose` what the run was made for. `planned` is how many trials
    are wanted, per board in a replicated study. `sharing` is how boards share the study; None if one machine runs it.
    """

    request: Mapping[str, Any]
    spec: SweepSpec
    facts: HostFacts
    networks: Mapping[str, Mapping[str, Any]]
    provenance: Provenance | None
    planned: int
    purpose: Annotated[Purpose, Field(discriminator="command")] = field(default_factory=SweepPurpose)
    sharing: Sharing | None = None

    def planned_on(self, boards: int) -> int:
        """Return how many trials the run is planned to hold if so many boards run it."""
        return self.planned * (max(1, boards) if self.sharing is Sharing.REPLICATE else 1)


_header = TypeAdapter(Header)


class Run:
    """An open run, as a context manager: `create` makes a new one, `resume` continues one, `read` only reads one.

    `others` says how others could have written it, in words; empty if they could not.
    """

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        cleanup: contextlib.ExitStack,
        others: str = "",
        keeper: Keeper = Keeper(),  # noqa: B008 - a tuple
        file: HeldFile | None = None,
    ) -> None:
        """A run open for writing has its `file`, and a `keeper`: the user with whose rights files are written."""
        self.folder = folder
        self.others = others
        self._keeper, self._file = keeper, file
        (self._version,) = connection.execute("PRAGMA user_version").fetchone()
        self._connection = connection
        self._cleanup = cleanup

    @classmethod
    def create(cls, folder: Path, header: Header, *, trust: bool = False) -> Run:
        """Make a new run in `folder`, which is made if it is missing.

        Raises StoreError if it holds a run or cannot be written, or if others can write it and `trust` is false.
        """
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreError(f"cannot make the folder {folder}: {error.strerror}; choose another --out") from error
        return _as_keeper(folder, lambda keeper: cls._created(folder, header, keeper, trust=trust))

    @classmethod
    def _created(cls, folder: Path, header: Header, keeper: Keeper, *, trust: bool) -> Run:
        # Files that the keeper can change anyway are no danger when used with the keeper's rights.
        trust = trust or keeper.uid is not None
        with contextlib.ExitStack() as stack:
            stack.enter_context(locked(folder))
            refuse_second(folder)
            refuse_untrusted(folder, trust=trust)
            # Under another name until it is whole: a half-made run that a kill left would look damaged.
            partial = folder / f"{FILE_NAME}.partial"
            partial.unlink(missing_ok=True)
            with connected(partial, "rwc") as connection:
                connection.execute("BEGIN")
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                for table in TABLES[SCHEMA_VERSION]:
                    connection.execute(creation(table, SCHEMA_VERSION))
                trial_log.begin(connection, _header.dump_json(header).decode())
                connection.commit()
            # This holds whatever the umask is. SQLite gives the files that it adds the same mode.
            partial.chmod(FILE_MODE)
            partial.replace(folder / FILE_NAME)
            return cls._writer(folder, stack, keeper, trust=trust)

    @classmethod
    def resume(cls, folder: Path, *, trust: bool = False) -> Run:
        """Open the run in `folder` to continue it.

        Raises StoreError if there is no run, if another process writes it, if an earlier version made it, or if
        others could have written it and `trust` is false.
        """
        return _as_keeper(folder, lambda keeper: cls._resumed(folder, keeper, trust=trust))

    @classmethod
    def _resumed(cls, folder: Path, keeper: Keeper, *, trust: bool) -> Run:
        with contextlib.ExitStack() as stack:
            if holds_run(folder):
                stack.enter_context(locked(folder))
            return cls._writer(folder, stack, keeper, trust=trust)

    @classmethod
    def _writer(cls, folder: Path, stack: contextlib.ExitStack, keeper: Keeper, *, trust: bool) -> Run:
        connection = stack.enter_context(opened_to_write(folder, trust=trust))
        file = HeldFile(folder / FILE_NAME)
        stack.callback(file.close)
        return cls(folder, connection, stack.pop_all(), keeper=keeper, file=file)

    @classmethod
    def read(cls, folder: Path) -> Run:
        """Open the run in `folder`, finished or in progress, only to read it."""
        with named_errors(folder), contextlib.ExitStack() as stack:
            connection, others = stack.enter_context(opened_to_read(folder))
            return cls(folder, connection, stack.pop_all(), others)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        with named_errors(self.folder):
            self._keeper.run(self._cleanup.close)

    def header(self) -> Header:
        """Return what the run is."""
        with named_errors(self.folder):
            return decoded(_header, trial_log.header_of(self._connection, self._version), self._version, _HEADERS)

    def append(self, outcome: Outcome) -> bool:
        """Put one trial on the disk. A second attempt at a failed trial replaces the first.

        False if the trial has numbers already: a block that ran twice counts once. Raises RunMovedError if the run's
        folder was moved, deleted or replaced.
        """
        row = row_of(outcome) if isinstance(outcome, TrialRecord) else trial_cells(outcome.trial, outcome.message)
        with named_errors(self.folder):
            finished, boards = self._written
        row |= boards.written(outcome.board)
        key = trial_log.key_of(row, by_board=self._by_board)
        if key in finished:
            return False

        def insert() -> None:
            with self._connection:
                trial_log.append(self._connection, row)

        try:
            with named_errors(self.folder):
                self._keeper.run(lambda: patiently(insert))
        finally:
            # This comes after the insert: wherever the file is by now, the trial is in it.
            assert self._file is not None, "it is open to be written"
            refuse_moved(self.folder, self._file, self._connection)
        if isinstance(outcome, TrialRecord):
            finished.add(key)
        return True

    @functools.cached_property
    def _written(self) -> tuple[set[tuple[Cell, Cell]], BoardCells]:
        """What a writer must know of the rows so far: which trials have numbers, and which boards are described."""
        finished, boards = set(), BoardCells()
        for cells in self._rows():
            boards.read(cells, self._version)
            if cells["failure"] is None:
                finished.add(trial_log.key_of(cells, by_board=self._by_board))
        return finished, boards

    @functools.cached_property
    def _by_board(self) -> bool:
        return self.header().sharing is Sharing.REPLICATE

    def done(self) -> set[str]:
        """Return the ids of the trials that gave numbers."""
        with named_errors(self.folder):
            return {str(cells["trial_id"]) for cells in self._rows() if cells["failure"] is None}

    def done_by_board(self) -> Mapping[str, Set[str]]:
        """Return the ids of the trials that gave numbers, by board; the run's own machine has an empty name."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        with named_errors(self.folder):
            for cells in self._rows():
                if cells["failure"] is None:
                    found[str(cells.get("board") or "")].add(str(cells["trial_id"]))
        return found

    def outcomes(self, *, numbers: bool = True) -> Iterator[Outcome]:
        """Yield every trial that gave numbers, in the order in which they ended; then the last failure of every other
        trial.

        Without `numbers`, only the failures are yielded, and no arrays are unpacked.
        """
        with named_errors(self.folder):
            unpacking, boards = Unpacking(size_of(self._connection)), BoardCells()
            # The last attempt at each.
            failed: dict[tuple[Cell, Cell], Failure] = {}
            for cells in self._rows():
                board, key = boards.read(cells, self._version), trial_log.key_of(cells, by_board=self._by_board)
                failed.pop(key, None)
                if cells["failure"] is not None:
                    failed[key] = Failure(trial_of(cells, self._version), str(cells["failure"]), board)
                elif numbers:
                    yield record_of(cells, self._version, unpacking, board)
            yield from failed.values()

    def records(self) -> Iterator[TrialRecord]:
        """Yield the outcomes that gave numbers."""
        return (outcome for outcome in self.outcomes() if isinstance(outcome, TrialRecord))

    def failures(self) -> Iterator[Failure]:
        """Yield the outcomes that failed."""
        return (outcome for outcome in self.outcomes(numbers=False) if isinstance(outcome, Failure))

    def _rows(self) -> Iterator[trial_log.Cells]:
        def size() -> int:
            return size_of(self._connection)

        return trial_log.rows_of(self._connection, self._version, size, by_board=self._by_board)


def _as_keeper(folder: Path, opened: Callable[[Keeper], Run]) -> Run:
    """Call `opened` with the rights of the user who could replace `folder`, and return the run that it opens."""
    with named_errors(folder):
        if not folder.is_dir():
            raise no_run(folder)
        keeper = keeper_of(folder)
        return keeper.run(lambda: opened(keeper))
