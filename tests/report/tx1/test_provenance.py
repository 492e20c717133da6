"""validation.csv and constants.csv: every row, and gone with the model."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from colocate.errors import StoreError
from colocate.model.provenance import Provenance
from colocate.report.run_report import load
from colocate.report.tx1.provenance import write_provenance
from colocate.store.run_file import Header, Run
from tests.report.drawn import header, loaded
from tests.report.tx1.test_validation import CHECK, CONSTANT
from tests.rows import rows_of
from tests.store.editing import edited


def modelled() -> Header:
    return dataclasses.replace(header("tx1-model"), provenance=Provenance((CONSTANT,), (CHECK, CHECK)))


def test_tables_hold_every_row_and_go_with_the_model(tmp_path: Path) -> None:
    written = {path.name for path in write_provenance(loaded([], of=modelled(), folder=tmp_path))}
    assert written == {"validation.csv", "constants.csv"}
    check = {key: str(value) for key, value in dataclasses.asdict(CHECK).items()}
    assert rows_of(tmp_path / "validation.csv") == [{**check, "rig": "tx1-model"}] * 2
    constant = {"name": "tile", "value": "64", "unit": "elements", "kind": "assumed", "source": "none"}
    assert rows_of(tmp_path / "constants.csv") == [{**constant, "rig": "tx1-model"}]
    assert list(write_provenance(loaded([], folder=tmp_path))) == []
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("damage", [{"role": "guessed"}, {"quantity": "area_m2"}, {"error_ratio": None}])
def test_a_damaged_header_is_an_error_of_the_store(tmp_path: Path, damage: dict[str, Any]) -> None:
    with Run.create(tmp_path, modelled()):
        pass
    assert load(tmp_path).header.provenance == modelled().provenance
    with edited(tmp_path) as connection:
        ((text,),) = connection.execute("SELECT json FROM header")
        stored = json.loads(text)
        stored["provenance"]["validation"][0] |= damage
        connection.execute("UPDATE header SET json = ?", [json.dumps(stored)])
    with pytest.raises(StoreError, match="damaged"):
        load(tmp_path)
