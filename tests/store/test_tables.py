from __future__ import annotations

import sqlite3

import pytest

from colocate.store.tables import SCHEMA_VERSION, TABLES, cells_of, creation


@pytest.mark.parametrize("version", TABLES)
def test_the_tables_of_every_schema_can_be_made(version: int) -> None:
    connection = sqlite3.connect(":memory:")
    for table in TABLES[version]:
        connection.execute(creation(table, version))
        assert [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] == list(TABLES[version][table])


def test_the_cells_of_a_trial_are_text_or_bytes() -> None:
    cells = cells_of(SCHEMA_VERSION)
    assert list(cells)[:2] == ["trial_id", "trial"]
    assert cells["scalars"] is str and cells["conditions"] is bytes
    assert "conditions" not in cells_of(1)
