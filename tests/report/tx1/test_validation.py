"""The page that sets a model against what was published."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.model.provenance import Constant, Provenance, PublishedCheck
from colocate.report.text.captions import caption_of
from colocate.report.tx1.validation import draw_validation, summary_of
from tests.report.drawn import CAPTION, header, save_pages, texts

CHECK = PublishedCheck("alexnet: latency", "the board's logs", "calibration", "latency_s", 0.1, 0.112, 0.12)
CONSTANT = Constant("tile", 64.0, "elements", "assumed", "none")


def page(folder: Path, *checks: PublishedCheck) -> list[str]:
    """Every text of the page of a model with these checks."""
    caption = caption_of(header("tx1-model"), [], [])
    save_pages(folder, "validation", lambda: draw_validation(Provenance((CONSTANT,), checks), caption))
    return texts(folder / "validation.svg")


def test_the_page_tells_each_figure_its_error_and_its_role(tmp_path: Path) -> None:
    power = PublishedCheck("alexnet: VDD_IN", CHECK.source, "not fitted", "power_w", 8.0, 7.6, -0.05)
    found = page(tmp_path, CHECK, power)
    assert {"alexnet: latency", "100", "112", "+12.0 %"} <= set(found)
    assert {"alexnet: VDD_IN", "8.00", "7.60", "\N{MINUS SIGN}5.0 %"} <= set(found)
    assert "calibration: 12.0 % in the median, 12.0 % at worst" in found
    assert "not fitted: 5.0 % in the median, 5.0 % at worst" in found
    assert any("MODEL of a Tegra X1, not a measurement" in words for words in found)
    assert "constants: 1 assumed; each with its unit and source in constants.csv" in found
    assert any(words.startswith("not fitted: 1 figure,") and "1 within 10 %" in words for words in found)


@pytest.mark.parametrize(("error", "words"), [(-0.0004, "0.0 %"), (0.0, "0.0 %"), (9.0, "+900.0 %")])
def test_errors_at_the_edges(tmp_path: Path, error: float, words: str) -> None:
    check = PublishedCheck(CHECK.figure, CHECK.source, CHECK.role, CHECK.quantity, 0.1, 0.112, error)
    assert words in page(tmp_path, check)


def test_a_machine_has_no_page_and_that_of_a_model_goes(tmp_path: Path) -> None:
    page(tmp_path, CHECK)
    assert draw_validation(None, CAPTION) == draw_validation(Provenance((CONSTANT,), ()), CAPTION) == []
    assert save_pages(tmp_path, "validation", lambda: draw_validation(None, CAPTION)) == ()
    assert not list(tmp_path.iterdir())


def test_a_summary_counts_what_lies_near() -> None:
    errors = (0.05, -0.1, 0.15, -0.9)
    checks = [PublishedCheck("f", "s", "not fitted", "power_w", 1.0, 1.0 + error, error) for error in errors]
    assert summary_of(checks) == (
        "4 figures, off by 12.5 % in the median, 90.0 % at worst; 2 within 10 %, 3 within 20 %"
    )
