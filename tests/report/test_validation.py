"""The page and the tables that set a model against what was published."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from colocate.errors import StoreError
from colocate.report.tx1.validation import checks_of, write_provenance
from colocate.report.write import write_figures
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.store import Header
from tests.report.test_figures import header, texts
from tests.rows import rows_of

STUDIES = ("tx1-model", "tx1-model-2017")
RESULTS = Path(__file__).parents[2] / "results"
CHECK = {
    "figure": "alexnet: latency", "source": "the board's logs", "role": "calibration", "quantity": "latency_s",
    "published": 0.1, "model": 0.112, "error_ratio": 0.12,
}  # fmt: skip
CONSTANT = {"name": "tile", "value": 64.0, "unit": "elements", "kind": "assumed", "source": "none"}


def modelled(*checks: dict[str, Any]) -> Header:
    provenance = {"validation": list(checks), "constants": [CONSTANT]}
    return dataclasses.replace(header("tx1-model"), provenance=provenance)


def test_the_page_tells_each_figure_its_error_and_its_role(tmp_path: Path) -> None:
    power = {**CHECK, "figure": "alexnet: VDD_IN", "role": "not fitted", "quantity": "power_w"}
    page = modelled(CHECK, {**power, "published": 8.0, "model": 7.6, "error_ratio": -0.05})
    write_figures(tmp_path / "figures", page, [], [])
    found = texts(tmp_path / "figures" / "validation.svg")
    assert {"alexnet: latency", "100", "112", "+12.0 %"} <= set(found)
    assert {"alexnet: VDD_IN", "8.00", "7.60", "\N{MINUS SIGN}5.0 %"} <= set(found)
    assert "calibration: 12.0 % in the median, 12.0 % at worst" in found
    assert "not fitted: 5.0 % in the median, 5.0 % at worst" in found
    assert any("MODEL of a Tegra X1, not a measurement" in words for words in found)
    assert "constants: 1 assumed; each with its unit and source in constants.csv" in found
    assert any(words.startswith("not fitted: 1 figure,") and "1 within 10 %" in words for words in found)


@pytest.mark.parametrize(("error", "words"), [(-0.0004, "0.0 %"), (0.0, "0.0 %"), (9.0, "+900.0 %")])
def test_errors_at_the_edges(tmp_path: Path, error: float, words: str) -> None:
    write_figures(tmp_path / "figures", modelled({**CHECK, "error_ratio": error}), [], [])
    assert words in texts(tmp_path / "figures" / "validation.svg")


def test_tables_hold_every_row_and_go_with_the_model(tmp_path: Path) -> None:
    assert {path.name for path in write_provenance(tmp_path, modelled(CHECK, CHECK))} == {
        "validation.csv",
        "constants.csv",
    }
    assert (
        rows_of(tmp_path / "validation.csv")
        == [{key: str(value) for key, value in {**CHECK, "rig": "tx1-model"}.items()}] * 2
    )
    assert rows_of(tmp_path / "constants.csv") == [{**CONSTANT, "value": "64", "rig": "tx1-model"}]
    assert write_provenance(tmp_path, header("host")) == ()
    assert not list(tmp_path.iterdir())


def test_a_machine_has_no_page(tmp_path: Path) -> None:
    write_figures(tmp_path / "figures", modelled(CHECK), [], [])
    write_figures(tmp_path / "figures", header("host"), [], [])
    assert not list((tmp_path / "figures").iterdir())


@pytest.mark.parametrize("damage", [{"role": "guessed"}, {"quantity": "area_m2"}, {"error_ratio": None}])
def test_a_damaged_header_is_an_error_of_the_store(damage: dict[str, Any]) -> None:
    with pytest.raises(StoreError, match="damaged"):
        checks_of(modelled({**CHECK, **damage}))


@pytest.mark.parametrize("study", STUDIES)
def test_the_shipped_tables_are_those_of_the_model(tmp_path: Path, study: str) -> None:
    now = dataclasses.replace(header("tx1-model"), provenance=Tx1Rig().provenance())
    for fresh in write_provenance(tmp_path, now):
        shipped = rows_of(RESULTS / study / fresh.name)
        assert [[*row] for row in shipped] == [[*row] for row in rows_of(fresh)], "run the command in its README"
        for old, new in zip(shipped, rows_of(fresh), strict=True):
            for key, value in new.items():
                numeric = key in ("value", "published", "model", "error_ratio")
                # Another processor may repeat the last digit otherwise.
                wanted = pytest.approx(float(value), rel=1e-6, abs=1e-7) if numeric else value
                assert (float(old[key]) if numeric else old[key]) == wanted, "run the command in its README"
