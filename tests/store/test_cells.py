"""Cells that no measurement gives are refused, and cost no more memory than a run."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

from colocate.store.cells import Unpacking, packed, record_of, row_of
from colocate.store.tables import SCHEMA_VERSION, cells_of
from tests.store.test_run_file import record

NONE = dict.fromkeys(cells_of(SCHEMA_VERSION))


def deflated(content: bytes) -> bytes:
    return zlib.compress(content)


def numbers(*values: float) -> bytes:
    return packed(np.array(values))


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"latencies_ns": numbers(0.001)}, "not as many as they must be"),
        ({"latencies_ns": numbers(0.001, 0.001, 0.001, 0.001)}, "not as many"),
        ({"device_ns": numbers(0.001)}, "not as many"),
        ({"conditions": deflated(b"\1" * 5)}, "not as many"),
        ({"conditions": deflated(b"\1\1\x09")}, "a condition that is none"),
        ({"power_w": deflated(b"\0" * 8)}, "not as many"),
        ({"power_w": deflated(np.full(6, np.nan).tobytes())}, "a power is no number"),
        ({"rails": '{"rails": [], "sensor_period_s": 0.1}'}, "its power has no rails"),
        ({"rails": '{"rails": ["a", "b"], "sensor_period_s": 1e99}'}, "sensor_period_s is 1e[+]99"),
        ({"latencies_ns": numbers(0.001, 0.0, 0.001)}, "a latency is not above 0"),
        ({"latencies_ns": numbers(0.001, -1.0, 0.001)}, "a latency is not above 0"),
        ({"begins_ns": packed(np.array([0.1, 0.2, 0.3]))[:-5]}, "not as many"),
        ({"begins_ns": deflated(b"odd")}, "not as many"),
        ({"scalars": "[]"}, "Input should be"),
        ({"scalars": "{"}, "EOF"),
    ],
)
def test_cells_that_do_not_fit_are_refused(cells: dict[str, Any], said: str) -> None:
    row = {**NONE, **row_of(record(0))}
    record_of(row, SCHEMA_VERSION, Unpacking(0))
    with pytest.raises(ValueError, match=said):
        record_of({**row, **cells}, SCHEMA_VERSION, Unpacking(0))


def test_a_bomb_is_not_inflated() -> None:
    bomb = deflated(b"\0" * (1 << 28))
    assert len(bomb) < 300_000
    with pytest.raises(ValueError, match="take more memory"):
        Unpacking(len(bomb)).seconds(bomb)


def test_bombs_that_are_small_by_themselves_are_counted_together() -> None:
    bomb = deflated(b"\0" * (1 << 22))
    unpacking = Unpacking(20 * len(bomb))
    with pytest.raises(ValueError, match="take more memory"):
        for _ in range(20):
            unpacking.seconds(bomb)
