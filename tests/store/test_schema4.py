from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from colocate.errors import SchemaError
from colocate.store.run_file import Run
from colocate.store.schema4 import header
from tests.report.drawn import header as todays
from tests.store.editing import age, edited


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"emc_clock": 1600.0, "seed": 3}, {"emc_clocks": [1600.0], "seed": 3}),
        ({"emc_clock": "high"}, {"emc_clocks": ["high"]}),
        ({"emc_clock": None}, {}),
        ({}, {}),
    ],
)
def test_one_memory_clock_is_read_as_a_list_of_one(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert header({"spec": old, "request": old, "planned": 4}) == {"spec": new, "request": new, "planned": 4}


def test_a_run_of_schema_4_is_read_and_not_continued(tmp_path: Path) -> None:
    with Run.create(tmp_path, todays()):
        pass
    with edited(tmp_path) as run:
        ((text,),) = run.execute("SELECT json FROM header")
        stored = json.loads(text)
        del stored["spec"]["emc_clocks"], stored["facts"]["board"]
        stored["spec"]["emc_clock"], stored["request"]["emc_clock"] = 1_600_000_000, 1600
        run.execute("UPDATE header SET json = ?", [json.dumps(stored)])
    age(tmp_path, 4)
    with Run.read(tmp_path) as read:
        found = read.header()
    assert found.spec.emc_clocks == (1_600_000_000,) and found.request["emc_clocks"] == [1600]
    assert found.facts.board is None
    with pytest.raises(SchemaError, match="earlier version"):
        Run.resume(tmp_path)
