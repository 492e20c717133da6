"""One run = one SQLite file: `run.sqlite` in the run's folder. What the study was, and every trial as it ended.

A trial is one transaction, on the disk before the next begins. While a run is written the folder is locked,
and readers see the trials that are finished.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from colocate.errors import SchemaError, SpecError, StoreError
from colocate.model.machine import HostFacts
from colocate.model.provenance import Provenance
from colocate.model.purpose import Purpose, SweepPurpose
from colocate.model.quality import QualityFlag
from colocate.model.request import SweepSpec
from colocate.model.trial import FloatArray, PowerTrace, Segment, Step, Trial, TrialRecord, Waits, Work
from colocate.store import schema1, schema2

SCHEMA_VERSION = 3
# "colo" in ASCII: sets our files apart from other programs' (sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x636F6C6F
FILE_NAME = "run.sqlite"

_SCHEMA = f"""
BEGIN;
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE header (json TEXT NOT NULL);
CREATE TABLE trial (
    trial_id TEXT PRIMARY KEY,
    trial TEXT NOT NULL,
    failure TEXT,
    scalars TEXT,
    rails TEXT,
    begins_ns BLOB,
    latencies_ns BLOB,
    device_ns BLOB,
    power_t_ns BLOB,
    power_w BLOB,
    conditions BLOB
);
"""
_NS = 1e-9
_T = TypeVar("_T")
Upgrade = Callable[[Any], Any]
# Of each noun, by the schema that it was stored in: what makes JSON of the next schema of it.
_HEADERS: Mapping[int, Upgrade] = {1: schema1.header, 2: schema2.header}
_TRIALS: Mapping[int, Upgrade] = {1: schema1.trial}
_PLAIN: Mapping[int, Upgrade] = {1: schema1.scalars}
_READ = (1, 2, SCHEMA_VERSION)


@dataclass(frozen=True, slots=True)
class Header:
    """What a run is: fixed when it begins, equal when it is resumed.

    `request` holds the keys the user gave, `spec` what they mean, `networks` what was loaded under each name,
    `provenance` what a model's numbers rest on, `purpose` what the run was made for.
    """

    request: Mapping[str, Any]
    spec: SweepSpec
    facts: HostFacts
    networks: Mapping[str, Mapping[str, Any]]
    provenance: Provenance | None
    planned: int
    purpose: Annotated[Purpose, Field(discriminator="command")] = field(default_factory=SweepPurpose)


@dataclass(frozen=True, slots=True)
class Failure:
    """A trial that gave no numbers, and the one line that says why."""

    trial: Trial
    message: str


@dataclass(frozen=True, slots=True)
class _Scalars:
    """The fields of a TrialRecord that are not arrays."""

    started_unix_s: float
    elapsed_s: float
    work: Work | None
    cpu_hz_seen: int | None
    gpu_hz_seen: int | None
    emc_hz_seen: int | None
    temperature_c: float | None
    warnings: tuple[QualityFlag, ...]
    gpu_temperature_c: float | None = None
    throttle_reasons: tuple[str, ...] = ()
    runtime: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    profile: tuple[Step, ...] = ()
    segments: tuple[Segment, ...] = ()
    waits: Waits | None = None


@dataclass(frozen=True, slots=True)
class _Rails:
    """What a PowerTrace has beside its arrays."""

    rails: tuple[str, ...]
    sensor_period_s: float


_header = TypeAdapter(Header)
_trial = TypeAdapter(Trial)
_scalars = TypeAdapter(_Scalars)
_rails = TypeAdapter(_Rails)


class Run:
    """An open run: `create` a new one, `resume` one to add what is missing, or `read` it; a context manager."""

    def __init__(self, folder: Path, connection: sqlite3.Connection, cleanup: contextlib.ExitStack) -> None:
        self.folder = folder
        (self._version,) = connection.execute("PRAGMA user_version").fetchone()
        self._connection = connection
        self._cleanup = cleanup

    @classmethod
    def create(cls, folder: Path, header: Header) -> Run:
        """A new run in `folder`, which is made. Raises StoreError where a run is already, or no way to write."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"cannot make the folder {folder}: {error.strerror}; choose another --out") from error
        with _named_errors(folder), contextlib.ExitStack() as stack:
            stack.enter_context(_locked(folder))
            if holds_run(folder):
                raise StoreError(f"{folder} holds a run already; continue it with --resume or choose another --out")
            # Under another name until it is whole: a half-made run that a kill left would look damaged.
            partial = folder / f"{FILE_NAME}.partial"
            partial.unlink(missing_ok=True)
            with _connected(partial, "rwc") as connection:
                connection.executescript(_SCHEMA)
                connection.execute("INSERT INTO header VALUES (?)", [_header.dump_json(header).decode()])
                connection.commit()
            partial.replace(folder / FILE_NAME)
            return cls._writer(folder, stack)

    @classmethod
    def resume(cls, folder: Path) -> Run:
        """The run in `folder`, to be continued. Raises StoreError where there is none, or another writer."""
        with _named_errors(folder), contextlib.ExitStack() as stack:
            if holds_run(folder):
                stack.enter_context(_locked(folder))
            return cls._writer(folder, stack)

    @classmethod
    def _writer(cls, folder: Path, stack: contextlib.ExitStack) -> Run:
        connection = stack.enter_context(_opened(folder, "rw"))
        run = cls(folder, connection, stack)
        if run._version != SCHEMA_VERSION:
            raise SchemaError(
                f"the run in {folder} was made by an earlier version of colocate: it can be read and reported on, "
                "not continued; choose another --out"
            )
        stack.enter_context(_durable(connection))
        run._cleanup = stack.pop_all()
        return run

    @classmethod
    def read(cls, folder: Path) -> Run:
        """The run in `folder`, finished or in progress, to be read alone."""
        with _named_errors(folder), contextlib.ExitStack() as stack:
            connection = stack.enter_context(_opened(folder, "ro"))
            return cls(folder, connection, stack.pop_all())

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        with _named_errors(self.folder):
            self._cleanup.close()

    def header(self) -> Header:
        """What the run is."""
        with _named_errors(self.folder):
            ((text,),) = self._connection.execute("SELECT json FROM header")
        return self._decoded(_header, text, _HEADERS)

    def append(self, outcome: TrialRecord | Failure) -> None:
        """Put one trial on the disk; a second attempt at a failed trial takes its place."""
        trial = outcome.trial
        row: dict[str, object] = {"trial_id": trial.trial_id, "trial": _trial.dump_json(trial).decode()}
        if isinstance(outcome, Failure):
            row["failure"] = outcome.message
        else:
            scalars = _Scalars(**{field.name: getattr(outcome, field.name) for field in fields(_Scalars)})
            row["scalars"] = _scalars.dump_json(scalars).decode()
            row["begins_ns"] = _packed(outcome.begins_s)
            row["latencies_ns"] = _packed(outcome.latencies_s)
            row["device_ns"] = None if outcome.device_s is None else _packed(outcome.device_s)
            if (power := outcome.power) is not None:
                row["rails"] = _rails.dump_json(_Rails(power.rails, power.sensor_period_s)).decode()
                row["power_t_ns"] = _packed(power.t_s)
                row["power_w"] = zlib.compress(power.power_w.astype("<f8").tobytes(), level=1)
            if outcome.conditions is not None:
                row["conditions"] = zlib.compress(outcome.conditions.astype("u1").tobytes(), level=1)
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        with _named_errors(self.folder), self._connection:
            self._connection.execute(f"INSERT OR REPLACE INTO trial ({columns}) VALUES ({marks})", list(row.values()))

    def done(self) -> set[str]:
        """The ids of the trials that gave numbers."""
        with _named_errors(self.folder):
            return {key for (key,) in self._connection.execute("SELECT trial_id FROM trial WHERE failure IS NULL")}

    def records(self) -> Iterator[TrialRecord]:
        """Every trial that gave numbers, in the order in which they ended."""
        columns = "trial, scalars, begins_ns, latencies_ns, device_ns, rails, power_t_ns, power_w"
        columns += ", NULL" if self._version == 1 else ", conditions"  # Schema 1 has no alternating windows.
        query = f"SELECT {columns} FROM trial WHERE failure IS NULL ORDER BY rowid"
        with _named_errors(self.folder):
            for (
                trial, scalars, begins, latencies, device, rails, power_t, power_w, conditions
            ) in self._connection.execute(query):  # fmt: skip
                plain = self._decoded(_scalars, scalars, _PLAIN)
                yield TrialRecord(
                    trial=self._decoded(_trial, trial, _TRIALS),
                    begins_s=_unpacked(begins),
                    latencies_s=_unpacked(latencies),
                    device_s=None if device is None else _unpacked(device),
                    power=None if rails is None else _trace(self._decoded(_rails, rails), power_t, power_w),
                    conditions=None if conditions is None else np.frombuffer(zlib.decompress(conditions), "u1"),
                    **{field.name: getattr(plain, field.name) for field in fields(_Scalars)},
                )

    def failures(self) -> Iterator[Failure]:
        """Every trial that failed and was not run again since."""
        query = "SELECT trial, failure FROM trial WHERE failure IS NOT NULL ORDER BY rowid"
        with _named_errors(self.folder):
            for trial, message in self._connection.execute(query):
                yield Failure(self._decoded(_trial, trial, _TRIALS), message)

    def _decoded(self, adapter: TypeAdapter[_T], text: str, upgrades: Mapping[int, Upgrade] | None = None) -> _T:
        """`text` as the noun of `adapter`, by way of all schemas since its own."""
        due = [upgrade for version, upgrade in (upgrades or {}).items() if version >= self._version]
        try:
            if not due:
                return adapter.validate_json(text)
            return adapter.validate_python(functools.reduce(lambda old, upgrade: upgrade(old), due, from_json(text)))
        # What an upgrade meets in damaged JSON, and limits that cannot be (SpecError).
        except (ValueError, KeyError, TypeError, AttributeError, SpecError) as error:
            raise StoreError(f"the run in {self.folder} is damaged: {_damage(error)}") from error


def _damage(error: Exception) -> str:
    """What is wrong with stored JSON, in one line."""
    if isinstance(error, ValidationError):
        return error.errors()[0]["msg"]
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)


def holds_run(folder: Path) -> bool:
    """Whether `folder` has a run's file. Raises StoreError where that cannot be found out."""
    with _named_errors(folder):
        return (folder / FILE_NAME).exists()


@contextlib.contextmanager
def _opened(folder: Path, mode: str) -> Iterator[sqlite3.Connection]:
    path = folder / FILE_NAME
    if not path.is_file():
        raise StoreError(f"{folder} holds no run: there is no {FILE_NAME}")
    with _connected(path, mode) as connection:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise StoreError(f"{path} is not a run of colocate")
        if version not in _READ:
            raise SchemaError(
                f"{path} has schema {version}, this colocate reads schemas 1 to {SCHEMA_VERSION}; "
                f"use the version of colocate that made it"
            )
        yield connection


@contextlib.contextmanager
def _connected(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=10.0)) as connection:
        yield connection


@contextlib.contextmanager
def _durable(connection: sqlite3.Connection) -> Iterator[None]:
    """A write-ahead log while writing: a commit survives power loss with FULL, and readers never block it.
    Afterwards the run is one plain file again, which can be read from a read-only medium.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    try:
        yield
    finally:
        # A reader may be at it, or the disk full: then the log stays beside the file, and nothing is lost.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = DELETE")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One writer at a time: a lock on the folder itself, which the kernel drops when its holder dies."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreError(f"another colocate is writing to {folder}; wait for it or choose another --out") from None
    else:
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _named_errors(folder: Path) -> Iterator[None]:
    """What SQLite, the file system or damaged content say, as a StoreError that names the folder."""
    try:
        yield
    except (sqlite3.Error, OSError, zlib.error, ValueError, TypeError) as error:
        raise StoreError(f"the run in {folder} cannot be used: {error}") from error


def _trace(meter: _Rails, t_ns: bytes, power_w: bytes) -> PowerTrace:
    watts = np.frombuffer(zlib.decompress(power_w), dtype="<f8").reshape(-1, len(meter.rails))
    return PowerTrace(_unpacked(t_ns), watts, meter.rails, meter.sensor_period_s)


def _packed(seconds: FloatArray) -> bytes:
    """Whole nanoseconds as little-endian 64-bit integers, deflated."""
    return zlib.compress(np.round(seconds / _NS).astype("<i8").tobytes(), level=1)


def _unpacked(blob: bytes) -> FloatArray:
    return np.frombuffer(zlib.decompress(blob), dtype="<i8").astype(np.float64) * _NS
