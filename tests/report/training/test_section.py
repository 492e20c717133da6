"""How a run of trainings is shown."""

from __future__ import annotations

import json
from pathlib import Path

from colocate.report.training.section import SECTION
from tests.report.drawn import CAPTION
from tests.report.training.settings import run_of
from tests.rows import rows_of


def test_the_table_the_figures_and_the_json(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    report = SECTION.load(run, {})
    assert [path.name for path in SECTION.files(report, run)] == ["training.csv"]
    assert len(rows_of(tmp_path / "training.csv")) == 5
    assert [name for name, _ in SECTION.figures(report, run, CAPTION)] == ["training-lenet", "scaling-lenet"]
    found = SECTION.json(report, run)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert [choice["best"]["batch"] for choice in found["choices"]] == [128]
