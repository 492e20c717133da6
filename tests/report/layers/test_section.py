"""How a run of layers is shown: two tables, two figures, and all of it as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.report.layers.section import SECTION
from tests.report.drawn import CAPTION
from tests.report.layers import looked_at
from tests.rows import rows_of


def test_a_run_of_layers_writes_two_tables_and_two_figures(tmp_path: Path) -> None:
    run = dataclasses.replace(looked_at.run(), folder=tmp_path)
    report = SECTION.load(run, {})
    assert [path.name for path in SECTION.files(report, run)] == ["layers.csv", "layer-groups.csv"]
    assert [row["name"] for row in rows_of(tmp_path / "layers.csv")] == [
        each.name for each in (looked_at.CONV, looked_at.SOFTMAX, looked_at.OVERHEAD)
    ]
    assert {row["grouping"] for row in rows_of(tmp_path / "layer-groups.csv")} >= {"kind", "module", "sum"}
    assert [name for name, figure in SECTION.figures(report, run, CAPTION) if figure] == ["layers", "roofline"]


def test_the_json_has_what_the_tables_have(tmp_path: Path) -> None:
    run = dataclasses.replace(looked_at.run(), folder=tmp_path)
    report = SECTION.load(run, {})
    list(SECTION.files(report, run))
    found = SECTION.json(report, run)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found.keys() == {"layers", "groups", "difference_ratio", "ceilings", "notes"}
    assert len(found["layers"]) == len(rows_of(tmp_path / "layers.csv"))


def test_a_run_of_layers_has_no_aim() -> None:
    with pytest.raises(SpecError, match="see colocate advise"):
        SECTION.load(looked_at.run(), {"quantile": "p50_s"})


def test_a_person_sees_the_layers(capsys: pytest.CaptureFixture[str]) -> None:
    run = looked_at.run()
    SECTION.show(SECTION.load(run, {}), run)
    said = capsys.readouterr().out
    assert "conv1" in said and "prob" in said
