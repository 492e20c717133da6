from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from colocate.errors import SchemaError
from colocate.model.limits import Limits
from colocate.store.database import FILE_NAME
from colocate.store.run_file import Run
from colocate.store.schema2 import header
from tests.report.drawn import header as todays
from tests.store.editing import age


@pytest.mark.parametrize(("quantile", "percentile"), [(0.5, "p50"), (0.95, "p95"), (0.99, "p99")])
def test_a_quantile_is_read_as_a_percentile(quantile: float, percentile: str) -> None:
    old = {"spec": {"limits": {"slo_s": 0.1, "quantile": quantile}, "seed": 3}, "planned": 4}
    assert header(old) == {"spec": {"limits": {"slo_s": 0.1, "percentile": percentile}, "seed": 3}, "planned": 4}


def test_a_study_without_limits_stays_as_it_is() -> None:
    old: dict[str, Any] = {"spec": {"limits": None}}
    assert header(old) == old


def test_a_run_of_schema_2_is_read_and_not_continued(tmp_path: Path) -> None:
    with Run.create(tmp_path, todays()):
        pass
    with sqlite3.connect(tmp_path / FILE_NAME) as run:
        ((text,),) = run.execute("SELECT json FROM header")
        stored = json.loads(text)
        stored["spec"]["limits"] = {"max_slowdown": 1.1, "quantile": 0.5}
        run.execute("UPDATE header SET json = ?", [json.dumps(stored)])
    age(tmp_path, 2)
    with Run.read(tmp_path) as read:
        assert read.header().spec.limits == Limits(max_slowdown=1.1, percentile="p50")
    with pytest.raises(SchemaError, match="earlier version"):
        Run.resume(tmp_path)
