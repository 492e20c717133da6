"""Measured values <-> the cells of a row. Whoever wrote them, cells with impossible values are refused."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from colocate.model.fleet import Board
from colocate.model.quality import QualityFlag
from colocate.model.trial import Condition, FloatArray, PowerTrace, Segment, Step, Trial, TrialRecord, Waits, Work
from colocate.store import schema1
from colocate.store.checksum import Cell
from colocate.store.ranges import check_ranges
from colocate.store.trial_log import Cells

_NS = 1e-9
_T = TypeVar("_T")
Upgrade = Callable[[Any], Any]
# By schema: the function that turns its JSON into JSON of the next schema.
_TRIALS: Mapping[int, Upgrade] = {1: schema1.trial}
_PLAIN: Mapping[int, Upgrade] = {1: schema1.scalars}
# Unpacked, the numbers of a real run take two or three times the size of its file; far more is a zip bomb.
_MOST_RATIO, _SMALL_BYTES = 16, 1 << 24


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
    """The fields of a PowerTrace that are not arrays."""

    rails: tuple[str, ...]
    sensor_period_s: float


_trial = TypeAdapter(Trial)
_scalars = TypeAdapter(_Scalars)
_rails = TypeAdapter(_Rails)


class Unpacking:
    """Unpacks the arrays of a run of `file_bytes`. Raises ValueError for more than a file of that size can hold."""

    def __init__(self, file_bytes: int) -> None:
        self._left_bytes = _SMALL_BYTES + _MOST_RATIO * file_bytes

    def array(self, blob: Any, kind: str, count: int | None = None) -> npt.NDArray[Any]:
        """Return the numbers (n,) of dtype `kind` in the deflated `blob`.

        Raises ValueError if n differs from a given `count`.
        """
        width = np.dtype(kind).itemsize
        most = self._left_bytes if count is None else min(self._left_bytes, count * width)
        inflating = zlib.decompressobj()
        content = inflating.decompress(blob, most + 1)
        self._left_bytes -= len(content)
        if self._left_bytes < 0:
            raise ValueError("its numbers take more memory than those of a file of its size can")
        if not inflating.eof or len(content) % width or count not in (None, len(content) // width):
            raise ValueError("the numbers of a window are not as many as they must be")
        return np.frombuffer(content, kind)

    def seconds(self, blob: Any, count: int | None = None) -> FloatArray:
        """Return the nanoseconds in the deflated `blob` as seconds (n,)."""
        return self.array(blob, "<i8", count).astype(np.float64) * _NS


def row_of(record: TrialRecord) -> dict[str, Cell]:
    """Return the cells that hold `record`; those that it does not need are absent."""
    scalars = _Scalars(**{field.name: getattr(record, field.name) for field in fields(_Scalars)})
    row: dict[str, Cell] = {
        "scalars": _scalars.dump_json(scalars).decode(),
        "begins_ns": packed(record.begins_s),
        "latencies_ns": packed(record.latencies_s),
        "device_ns": None if record.device_s is None else packed(record.device_s),
    }
    if (power := record.power) is not None:
        row["rails"] = _rails.dump_json(_Rails(power.rails, power.sensor_period_s)).decode()
        row["power_t_ns"] = packed(power.t_s)
        row["power_w"] = zlib.compress(power.power_w.astype("<f8").tobytes(), level=1)
    if record.conditions is not None:
        row["conditions"] = zlib.compress(record.conditions.astype("u1").tobytes(), level=1)
    return {**trial_cells(record.trial), **row}


def trial_cells(trial: Trial, failure: str | None = None) -> dict[str, Cell]:
    """Return the cells of the trial, which every row has. A failed trial has only these and its board."""
    return {"trial_id": trial.trial_id, "trial": _trial.dump_json(trial).decode(), "failure": failure}


def trial_of(cells: Cells, version: int) -> Trial:
    """Return the trial of a row of schema `version`.

    Damaged cells raise ValueError or what an upgrade of old JSON raises; `database.named_errors` makes it a
    StoreError.
    """
    trial = decoded(_trial, cells["trial"], version, _TRIALS)
    if trial.trial_id != cells["trial_id"]:
        raise ValueError(f"a row of trial {cells['trial_id']!r:.40} holds another")
    return trial


def record_of(cells: Cells, version: int, unpacking: Unpacking, board: Board | None = None) -> TrialRecord:
    """Return the record of a row, which `board` ran. Raises what `trial_of` does."""
    plain = decoded(_scalars, cells["scalars"], version, _PLAIN)
    begins_s = unpacking.seconds(cells["begins_ns"])
    latencies_s = unpacking.seconds(cells["latencies_ns"], len(begins_s))
    # A latency is above 0; of a window without a network there is none.
    if len(latencies_s) and latencies_s.min() <= 0:
        raise ValueError("a latency is not above 0")
    return TrialRecord(
        trial=trial_of(cells, version),
        begins_s=begins_s,
        latencies_s=latencies_s,
        device_s=_if_any(cells["device_ns"], lambda blob: unpacking.seconds(blob, len(begins_s))),
        power=_if_any(cells["rails"], lambda rails: _trace(rails, cells, unpacking)),
        conditions=_if_any(cells.get("conditions"), lambda blob: _conditions(blob, len(begins_s), unpacking)),
        board=board,
        **{field.name: getattr(plain, field.name) for field in fields(_Scalars)},
    )


def decoded(adapter: TypeAdapter[_T], text: Any, version: int, upgrades: Mapping[int, Upgrade] | None = None) -> _T:
    """Return JSON `text` of schema `version` as the type of `adapter`, after the `upgrades` that are due.

    Raises what `trial_of` does.
    """
    due = [upgrade for since, upgrade in (upgrades or {}).items() if since >= version]
    try:
        if due:
            old = from_json(text, allow_inf_nan=False)
            noun = adapter.validate_python(functools.reduce(lambda json, upgrade: upgrade(json), due, old))
        else:
            noun = adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise ValueError(f"{where + ': ' if where else ''}{first['msg']}") from error
    check_ranges(noun)
    return noun


def packed(seconds: FloatArray) -> bytes:
    """Return `seconds` (n,) as whole nanoseconds, little-endian 64-bit integers, deflated."""
    return zlib.compress(_whole_ns(seconds).astype("<i8").tobytes(), level=1)


def as_stored(record: TrialRecord) -> TrialRecord:
    """Return the record as it will be read back: with its times in whole nanoseconds."""
    return replace(
        record,
        begins_s=_whole_ns(record.begins_s) * _NS,
        latencies_s=_whole_ns(record.latencies_s) * _NS,
        device_s=_if_any(record.device_s, lambda device_s: _whole_ns(device_s) * _NS),
        power=_if_any(record.power, lambda trace: replace(trace, t_s=_whole_ns(trace.t_s) * _NS)),
    )


def _whole_ns(seconds: FloatArray) -> FloatArray:
    return np.round(seconds / _NS)


def _if_any(cell: Any, made: Callable[[Any], _T]) -> _T | None:
    return None if cell is None else made(cell)


def _trace(text: Any, cells: Cells, unpacking: Unpacking) -> PowerTrace:
    meter = decoded(_rails, text, 0)
    if not meter.rails:
        raise ValueError("its power has no rails")
    t_s = unpacking.seconds(cells["power_t_ns"])
    watts = unpacking.array(cells["power_w"], "<f8", len(t_s) * len(meter.rails)).reshape(-1, len(meter.rails))
    if not np.isfinite(watts).all():
        raise ValueError("a power is no number")
    return PowerTrace(t_s, watts, meter.rails, meter.sensor_period_s)


def _conditions(blob: Any, count: int, unpacking: Unpacking) -> npt.NDArray[np.uint8]:
    conditions = unpacking.array(blob, "u1", count)
    if not np.isin(conditions, list(Condition)).all():
        raise ValueError("an inference has a condition that is none")
    return conditions
