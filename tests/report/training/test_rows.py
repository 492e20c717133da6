"""training.csv and --json."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.report.training.rows import choice_row, training_row
from tests.report.training.settings import MESSAGE, report_of, run_of


def number(value: object) -> float:
    assert isinstance(value, (int, float))
    return float(value)


def test_a_row_holds_what_was_measured() -> None:
    report = report_of(run_of())
    rows = [training_row(row, report) for row in report.rows]
    by = {(row["batch"], row["gpus"]): row for row in rows}
    two = by[64, 2]
    assert two["failure"] is None and two["seeds"] == 4 and two["epochs"] == 10
    assert number(two["power_w"]) == pytest.approx(200)
    assert number(two["speed_up_over_one_rank"]) == pytest.approx(10 / 7)
    assert number(two["energy_ratio_over_one_rank"]) == pytest.approx(2 * 7 / 10)
    assert number(two["epoch_j"]) == pytest.approx(number(two["energy_per_image_j"]) * 1000)
    assert number(two["all_reduce_ratio"]) == pytest.approx(0.2, rel=0.05)
    assert by[4096, 1]["failure"] == MESSAGE and by[4096, 1]["images_per_s"] is None
    assert [(row["batch"], row["gpus"]) for row in rows if row["chosen"]] == [(128, 1)]


def test_a_choice_names_its_setting(tmp_path: Path) -> None:
    (choice,) = report_of(run_of(tmp_path)).choices
    assert choice_row(choice)["best"] == {"precision": "fp32", "batch": 128, "ranks": 1}
    (none,) = report_of(run_of(accurate=False, watts=None)).choices
    assert choice_row(none)["best"] == {"precision": "fp32", "batch": 128, "ranks": 2}
