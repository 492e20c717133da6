"""The tables of a run's file, by the schema that it was made with."""

from __future__ import annotations

from collections.abc import Mapping

SCHEMA_VERSION = 6
# "colo" in ASCII: sets our files apart from other programs' (sqlite.org/pragma.html#pragma_application_id).
APPLICATION_ID = 0x636F6C6F

_HEADER = {"json": "TEXT NOT NULL"}
_TRIAL_1 = {
    "trial_id": "TEXT PRIMARY KEY",
    "trial": "TEXT NOT NULL",
    "failure": "TEXT",
    "scalars": "TEXT",
    "rails": "TEXT",
    "begins_ns": "BLOB",
    "latencies_ns": "BLOB",
    "device_ns": "BLOB",
    "power_t_ns": "BLOB",
    "power_w": "BLOB",
}
_TRIAL_2 = {**_TRIAL_1, "conditions": "BLOB"}
_CHECKSUM = {"checksum": "TEXT NOT NULL"}
_TRIAL_4 = {"position": "INTEGER PRIMARY KEY", **_TRIAL_2, "trial_id": "TEXT NOT NULL", **_CHECKSUM}
_SEALED = {
    "header": {**_HEADER, **_CHECKSUM},
    "trial": _TRIAL_4,
    "seal": {"trials": "INTEGER NOT NULL", **_CHECKSUM},
}
_OF_BOARD = {"board": "TEXT", "board_facts": "TEXT"}
# The checksum stays last: it covers the cells before it.
_TRIAL_6 = {**{name: kind for name, kind in _TRIAL_4.items() if name != "checksum"}, **_OF_BOARD, **_CHECKSUM}

# By schema and table: the columns, and the SQL type of each.
TABLES: Mapping[int, Mapping[str, Mapping[str, str]]] = {
    1: {"header": _HEADER, "trial": _TRIAL_1},
    2: {"header": _HEADER, "trial": _TRIAL_2},
    3: {"header": _HEADER, "trial": _TRIAL_2},
    4: _SEALED,
    5: _SEALED,
    6: {**_SEALED, "trial": _TRIAL_6},
}


def creation(table: str, version: int) -> str:
    """Return the SQL statement that creates a table of schema `version`."""
    columns = ", ".join(f"{name} {kind}" for name, kind in TABLES[version][table].items())
    return f"CREATE TABLE {table} ({columns})"


def cells_of(version: int) -> Mapping[str, type[str] | type[bytes]]:
    """Return the names of a trial's cells, in order, and the type of each. All but the first two may be NULL."""
    columns = TABLES[version]["trial"].items()
    own = {name: kind.partition(" ")[0] for name, kind in columns if name not in ("position", "checksum")}
    return {name: bytes if kind == "BLOB" else str for name, kind in own.items()}
