"""A row that is not as it was stored is found, whatever of it changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from colocate.errors import StoreError
from colocate.model.trial import Failure, TrialRecord
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from colocate.store.tables import SCHEMA_VERSION
from tests.store.editing import edited
from tests.store.test_run_file import HEADER, TRIALS, record


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with Run.create(tmp_path, HEADER) as new:
        new.append(Failure(TRIALS[1], "it failed"))
        for index in range(3):
            new.append(record(index))
    return tmp_path


def read_all(folder: Path) -> list[TrialRecord]:
    with Run.read(folder) as run:
        run.header(), list(run.failures()), run.done()
        return list(run.records())


def change(folder: Path, *statements: str) -> None:
    """Without a look at checksums."""
    with sqlite3.connect(folder / FILE_NAME) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE header SET json = replace(json, '0.033', '0.034')",
        "UPDATE header SET checksum = 'x'",
        "UPDATE trial SET scalars = replace(scalars, '41.5', '42.5')",
        "UPDATE trial SET failure = 'another' WHERE failure IS NOT NULL",
        "UPDATE trial SET failure = NULL",
        "UPDATE trial SET device_ns = NULL",
        "UPDATE trial SET begins_ns = latencies_ns WHERE position = 3",
        "UPDATE trial SET power_t_ns = x'00' WHERE position = 4",
        "UPDATE trial SET trial = CAST(trial AS BLOB) WHERE position = 2",
        "UPDATE trial SET position = 9 WHERE position = 4",
        "DELETE FROM trial WHERE position = 4",
        "DELETE FROM trial WHERE position = 2",
        "DELETE FROM trial",
        "DELETE FROM header",
        "DELETE FROM seal",
        "INSERT INTO seal SELECT * FROM seal",
        "INSERT INTO header SELECT * FROM header",
        "UPDATE seal SET trials = 3",
        "UPDATE seal SET trials = -1",
        "UPDATE seal SET trials = 'many'",
        "UPDATE seal SET checksum = 'x'",
    ],
)
def test_a_change_is_found(run: Path, statement: str) -> None:
    assert len(read_all(run)) == 3
    change(run, statement)
    with pytest.raises(StoreError, match=rf"^the run in {run} is damaged: [^\n]+$"):
        read_all(run)


def test_rows_that_change_places_are_found(run: Path) -> None:
    change(run, *(f"UPDATE trial SET position = {to} WHERE position = {at}" for at, to in ((3, 9), (4, 3), (9, 4))))
    with pytest.raises(StoreError, match="the checksum of row 3 is wrong"):
        read_all(run)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE trial SET scalars = CAST(scalars AS BLOB)", "scalars of row 2 is not text"),
        ("UPDATE trial SET trial_id = 'other' WHERE position = 2", "a row of trial 'other' holds another"),
        ("UPDATE trial SET trial_id = x'00'", "trial_id of row 1 is not text"),
        ("UPDATE trial SET begins_ns = 'text'", "begins_ns of row 1 is not bytes"),
        ("UPDATE trial SET scalars = NULL", "damaged"),
        ("UPDATE trial SET failure = NULL", "row 3 is of a trial that has its numbers already|damaged"),
    ],
)
def test_whoever_makes_checksums_must_still_store_what_can_be(run: Path, statement: str, said: str) -> None:
    with edited(run) as connection:
        connection.execute(statement)
    with pytest.raises(StoreError, match=said):
        read_all(run)


def flips(content: bytes) -> Callable[[int], bytes]:
    def flipped(bit: int) -> bytes:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    return flipped


def test_no_bit_of_the_file_changes_a_number_unnoticed(run: Path) -> None:
    # Every 997th here; tests/fuzz has them all.
    content = (run / FILE_NAME).read_bytes()
    flipped, wanted = flips(content), [repr(each) for each in read_all(run)]
    for bit in range(0, 8 * len(content), 997):
        (run / FILE_NAME).write_bytes(flipped(bit))
        try:
            assert [repr(each) for each in read_all(run)] == wanted, bit
        except StoreError as error:
            assert "\n" not in str(error), bit


def test_a_page_that_is_given_many_times_ends_the_reading(tmp_path: Path) -> None:
    # One row of 300 KB whose pages a hundred rows share: the rows would hold more than the file.
    with Run.create(tmp_path, HEADER) as new:
        for index in range(len(TRIALS)):
            new.append(record(index, 3))
        new.append(Failure(TRIALS[0], "x"))
    with Run.read(tmp_path) as reader, pytest.raises(ValueError, match="more than its file"):
        from colocate.store.trial_log import rows_of

        list(rows_of(reader._connection, SCHEMA_VERSION, lambda: 100))
