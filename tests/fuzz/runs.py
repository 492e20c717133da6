"""Runs that were damaged, and runs that somebody made to harm: bits, cells, numbers and tables that no run has."""

from __future__ import annotations

import contextlib
import copy
import functools
import io
import json
import random
import sqlite3
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

from colocate.cli import run as command_line
from colocate.store.database import FILE_NAME
from tests.fuzz.inputs import Input
from tests.store.editing import age, edited

_MODEL = (
    "--rig", "tx1-model", "--cpu-clocks", "high", "--gpu-clocks", "high", "--window", "0.3", "--quiet", "--json",
)  # fmt: skip
# What makes each run, in virtual time.
_RUNS = {
    "steady": ("sweep", "--networks", "alexnet", "--stressors", "bitcount,jpeg", "--repeats", "2", "--design",
               "steady", "--slo-ms", "30", "--power-budget-w", "12", "--max-work-loss", "0.9"),
    "alternating": ("sweep", "--networks", "alexnet", "--stressors", "jpeg", "--repeats", "2", "--slo-ms", "30"),
    "layers": ("layers", "alexnet", "--repeats", "2"),
    "efficiency": ("efficiency", "--networks", "alexnet", "--batches", "1,2", "--precisions", "fp16",
                   "--repeats", "2"),
}  # fmt: skip
_HARD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 0.5, -0.5, 1e308, -1e308, 1e-308, 5e-324, float("nan"), float("inf"), 2**63,
    10**30, 10**400, "", "x", "nan", "p95", "\x1b[31m", "a\nb", "\0", "=1+1", "../../x", "x" * 5000, [], {}, [0],
    [[]], {"x": 1}, [None] * 1000, "alexnet", "jpeg", "high", "sweep", "layers", "efficiency", "mean", [1e308, 1e308],
)  # fmt: skip
# No float is larger than this, and a number that was multiplied by ten often enough is.
_MOST = 1e300
_ANOTHER_TABLE = (
    "CREATE VIEW more AS SELECT 1",
    "CREATE TRIGGER more AFTER UPDATE ON seal BEGIN DELETE FROM trial; END",
    "CREATE TABLE more AS SELECT randomblob(1000)",
    "CREATE INDEX more ON trial (failure) WHERE failure IS NOT NULL",
    "ALTER TABLE trial ADD COLUMN more TEXT DEFAULT 'x'",
    "ALTER TABLE header RENAME TO more",
    "DELETE FROM header",
    "DELETE FROM seal",
    "INSERT INTO header SELECT * FROM header",
    "UPDATE seal SET trials = 1e9",
    "DROP TABLE trial; CREATE VIEW trial AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i "
    "AS position, 'x' AS trial_id FROM n",
    "PRAGMA user_version = 3",
    "PRAGMA user_version = 5",
    "PRAGMA application_id = 1",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 2",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'TEXT', 'BLOB')",
    "PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = 'CREATE TABLE ' || hex(zeroblob(10000))",
)


def bits(random_: random.Random) -> Input:
    """Bits and bytes of the file changed at random, or its end cut off."""
    name = random_.choice([*_RUNS])
    content = bytearray(_made(name))
    for _ in range(random_.choice((1, 1, 1, 3, 30))):
        content[random_.randrange(len(content))] ^= random_.choice(
            (1 << random_.randrange(8), random_.randrange(256))
        )
    if random_.random() < 0.1:
        del content[random_.randrange(len(content)) :]
    return _read(random_, name, bytes(content))


def values(random_: random.Random) -> Input:
    """Numbers and words in the JSON of a run that cannot be there, by somebody who knows how checksums are made."""

    def change(connection: sqlite3.Connection) -> None:
        for _ in range(random_.choice((1, 1, 2, 5))):
            table, column = random_.choice(
                (("header", "json"), ("header", "json"), ("trial", "trial"), ("trial", "scalars"), ("trial", "rails"))
            )
            # One row, or the same change in all of them.
            where = "" if table == "header" or random_.random() < 0.5 else f"WHERE position = {random_.randint(1, 8)}"
            state = random_.getstate()
            for rowid, text in connection.execute(f"SELECT rowid, {column} FROM {table} {where}").fetchall():
                random_.setstate(state)
                if text is not None:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE rowid = ?", [_changed(random_, text), rowid]
                    )

    name = random_.choice([*_RUNS])
    content = _edited(name, change)
    return _read(random_, name, _aged(content, random_.choice((1, 2, 3))) if random_.random() < 0.15 else content)


def cells(random_: random.Random) -> Input:
    """Arrays that are bombs, or do not fit one another, or are none at all."""

    def change(connection: sqlite3.Connection) -> None:
        names = ("begins_ns", "latencies_ns", "device_ns", "power_t_ns", "power_w", "conditions", "rails", "failure",
                 "trial_id", "scalars")  # fmt: skip
        for _ in range(random_.choice((1, 1, 3))):
            name = random_.choice(names)
            where = random_.choice(("", f"WHERE position = {random_.randint(1, 8)}"))
            with contextlib.suppress(sqlite3.IntegrityError):
                connection.execute(f"UPDATE trial SET {name} = ? {where}", [_cell(random_)])

    name = random_.choice([*_RUNS])
    return _read(random_, name, _edited(name, change))


def tables(random_: random.Random) -> Input:
    """Tables that a run does not have, or has not in this way."""

    def change(connection: sqlite3.Connection) -> None:
        connection.executescript(random_.choice(_ANOTHER_TABLE))

    name = random_.choice([*_RUNS])
    return _read(random_, name, _edited(name, change, seal=False), wrong=True)


def _read(random_: random.Random, name: str, content: bytes, *, wrong: bool = False) -> Input:
    """A command that reads the run, or would go on with it: that looks at its header alone."""
    judged: tuple[tuple[str, ...], ...] = (
        *[("advise", "run", "--slo-ms", "30")] * 3,
        ("advise", "run", "--json", "--max-slowdown", "1.1", "--max-work-loss", "0.5"),
        ("advise", "run", "--markdown", "--power-budget", "9"),
        *[("compare", "run", "sound")] * 2,
        ("compare", "sound", "run", "--json"),
    )
    made_by = _RUNS[name][0]
    commands = (
        *(judged if made_by == "sweep" else ()),
        *[(made_by, "--resume", "--dry-run", "--out", "run")] * 3,
        ("report", "run"),
    )
    command = random_.choice(commands)
    files = {f"run/{FILE_NAME}": content, f"sound/{FILE_NAME}": _made("steady")}
    return Input(command, files, wrong=wrong and "--resume" not in command)


def _changed(random_: random.Random, text: str) -> str:
    """The JSON with another value, one less, or one more at a random place."""
    tree = json.loads(text)
    inside, key = _place(random_, tree)
    kind = random_.random()
    if kind < 0.1:
        del inside[key]
    elif kind < 0.2 and isinstance(inside, list):
        inside.extend([inside[key]] * random_.choice((1, 50)))
    elif kind < 0.23:
        inside[key] = json.loads("[" * (depth := random_.choice((5, 150))) + "]" * depth)
    elif kind < 0.6:
        # What passes for what stood there.
        inside[key] = _alike(random_, inside[key], tree)
    else:
        inside[key] = random_.choice(_HARD)
    return json.dumps(tree)


def _place(random_: random.Random, tree: Any) -> tuple[Any, Any]:
    """Where a value stands in a tree: what holds it, and its key there."""
    inside, key = tree, random_.choice([*_keys(tree)])
    while (keys := [*_keys(inside[key])]) and random_.random() < 0.85:
        inside, key = inside[key], random_.choice(keys)
    return inside, key


def _keys(tree: object) -> Iterable[Any]:
    return tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()


def _alike(random_: random.Random, value: object, tree: Any) -> Any:
    """Another number, or a value of the same type from elsewhere."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return random_.choice(
            (0, 1, 2, -value, value + 1, value - 1, 10 * value, 0.001 * max(-_MOST, min(value, _MOST)), 9999)
        )
    for _ in range(50):
        inside, key = _place(random_, tree)
        if type(inside[key]) is type(value):
            return copy.deepcopy(inside[key])
    return value


def _cell(random_: random.Random) -> object:
    count = random_.choice((0, 1, 2, 3, 10, 1000))
    numbers = [random_.choice((0, 1, -1, 10**6, 10**9, 2**62, -(2**62))) for _ in range(count)]
    made: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: "text",
        lambda: b"",
        lambda: 1.5,
        lambda: random_.randbytes(20),
        lambda: zlib.compress(b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)),
        lambda: zlib.compress(b"\0" * count),
        lambda: zlib.compress(b"\0" * 8 * count)[:-3],
        lambda: zlib.compress(b"\1" * (1 << random_.choice((10, 20, 28)))),
        lambda: "[" * 100_000,
        lambda: "\x1b[2J" * count,
    )
    return random_.choice(made)()


def _made(name: str) -> bytes:
    """A sound run's file."""
    return _all_made()[name]


@functools.cache
def _all_made() -> Mapping[str, bytes]:
    files = {}
    # Their figures are of no use here, and take most of the time.
    drawn = patch("colocate.report.drawing.saving.Drawing")
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()), drawn:
        for name, arguments in _RUNS.items():
            assert command_line([*arguments, *_MODEL, "--out", f"{folder}/{name}"]) in (0, 10, 11)
            files[name] = Path(folder, name, FILE_NAME).read_bytes()
    return files


def _edited(name: str, change: Callable[[sqlite3.Connection], None], *, seal: bool = True) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FILE_NAME)
        path.write_bytes(_made(name))
        if seal:
            with edited(path.parent) as connection:
                change(connection)
        else:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                change(connection)
                connection.commit()
        return path.read_bytes()


def _aged(content: bytes, version: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FILE_NAME)
        path.write_bytes(content)
        age(path.parent, version)
        return path.read_bytes()
