"""One run = one SQLite file: `run.sqlite` in the run's folder. What the study was, and every trial as it ended.

A trial is one transaction, on the disk before the next begins. While a run is written the folder is locked,
and readers see the trials that are finished.
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

# By the schema that it was stored in: what makes JSON of the next schema of a header.
_HEADERS: Mapping[int, Upgrade] = {1: schema1.header, 2: schema2.header, 4: schema4.header}


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is: fixed when it begins, equal when it is resumed.

    `request` holds the keys the user gave, `spec` what they mean, `networks` what was loaded under each name,
    `provenance` what a model's numbers rest on, `purpose` what the run was made for. `planned` trials are wanted, of
    a study that is replicated of each board. `sharing` is how boards share it; None where one machine runs it.
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
        """How many trials the run is planned to hold, where so many boards ran it."""
        return self.planned * (max(1, boards) if self.sharing is Sharing.REPLICATE else 1)


_header = TypeAdapter(Header)


class Run:
    """An open run: `create` a new one, `resume` one to add what is missing, or `read` it; a context manager.

    `others` is how others could have written it, in words; empty where they cannot.
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
        """One that is written has its `file`, and a `keeper` with whose rights to files that is done."""
        self.folder = folder
        self.others = others
        self._keeper, self._file = keeper, file
        (self._version,) = connection.execute("PRAGMA user_version").fetchone()
        self._connection = connection
        self._cleanup = cleanup

    @classmethod
    def create(cls, folder: Path, header: Header, *, trust: bool = False) -> Run:
        """A new run in `folder`, which is made. Raises StoreError where a run is already, or no way to write, and for
        a folder that others can write, unless it is to be trusted.
        """
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreError(f"cannot make the folder {folder}: {error.strerror}; choose another --out") from error
        return _as_keeper(folder, lambda keeper: cls._created(folder, header, keeper, trust=trust))

    @classmethod
    def _created(cls, folder: Path, header: Header, keeper: Keeper, *, trust: bool) -> Run:
        # What the keeper can change is no danger to what the keeper has the rights to.
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
            # Whatever the umask; what SQLite puts beside it takes after it.
            partial.chmod(FILE_MODE)
            partial.replace(folder / FILE_NAME)
            return cls._writer(folder, stack, keeper, trust=trust)

    @classmethod
    def resume(cls, folder: Path, *, trust: bool = False) -> Run:
        """The run in `folder`, to be continued. Raises StoreError where there is none, another writer, or where
        others could have written it and it is not to be trusted.
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
        """The run in `folder`, finished or in progress, to be read alone."""
        with named_errors(folder), contextlib.ExitStack() as stack:
            connection, others = stack.enter_context(opened_to_read(folder))
            return cls(folder, connection, stack.pop_all(), others)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        with named_errors(self.folder):
            self._keeper.run(self._cleanup.close)

    def header(self) -> Header:
        """What the run is."""
        with named_errors(self.folder):
            return decoded(_header, trial_log.header_of(self._connection, self._version), self._version, _HEADERS)

    def append(self, outcome: Outcome) -> bool:
        """Put one trial on the disk; a second attempt at a failed trial takes its place. False where the trial has
        its numbers already: a block that ran twice counts once. Raises RunMovedError where the folder is another
        since.
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
            # Only now: wherever the file is, the trial is in it.
            assert self._file is not None, "it is open to be written"
            refuse_moved(self.folder, self._file, self._connection)
        if isinstance(outcome, TrialRecord):
            finished.add(key)
        return True

    @functools.cached_property
    def _written(self) -> tuple[set[tuple[Cell, Cell]], BoardCells]:
        """What a writer must know of the file: which trials have numbers, and which boards it describes."""
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
        """The ids of the trials that gave numbers."""
        with named_errors(self.folder):
            return {str(cells["trial_id"]) for cells in self._rows() if cells["failure"] is None}

    def done_by_board(self) -> Mapping[str, Set[str]]:
        """The ids of the trials that gave numbers, by board; those of the run's own machine under an empty name."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        with named_errors(self.folder):
            for cells in self._rows():
                if cells["failure"] is None:
                    found[str(cells.get("board") or "")].add(str(cells["trial_id"]))
        return found

    def outcomes(self, *, numbers: bool = True) -> Iterator[Outcome]:
        """Every trial that gave numbers, in the order in which they ended, and then every one that failed and was not
        run again since. Without `numbers` the latter alone, for which nothing else is unpacked.
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
        """Those of `outcomes` that gave numbers."""
        return (outcome for outcome in self.outcomes() if isinstance(outcome, TrialRecord))

    def failures(self) -> Iterator[Failure]:
        """Those of `outcomes` that failed."""
        return (outcome for outcome in self.outcomes(numbers=False) if isinstance(outcome, Failure))

    def _rows(self) -> Iterator[trial_log.Cells]:
        def size() -> int:
            return size_of(self._connection)

        return trial_log.rows_of(self._connection, self._version, size, by_board=self._by_board)


def _as_keeper(folder: Path, opened: Callable[[Keeper], Run]) -> Run:
    """The run that is `opened` with the rights of whoever could put another in its place."""
    with named_errors(folder):
        if not folder.is_dir():
            raise no_run(folder)
        keeper = keeper_of(folder)
        return keeper.run(lambda: opened(keeper))
