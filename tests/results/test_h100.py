"""What the shipped study of services on an H100 says in words is what its tables say in numbers."""

from __future__ import annotations

import re
from pathlib import Path

from colocate.model.containment import containment_words
from colocate.report.advise.load import advise_on
from colocate.report.run_report import load
from tests.rows import rows_of

STUDY = Path(__file__).parents[2] / "results" / "h100-services"
TEXT = (STUDY / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\S+) \| (\S*cpus=1) \| (.+) \| (.+) \| (\w+) \|$", re.MULTILINE)


def test_every_number_in_the_readme_is_that_of_its_cell() -> None:
    said = {(task, containment): (mean, lost) for task, containment, mean, lost, _ in ROW.findall(TEXT)}
    table = [row for row in rows_of(STUDY / "cells.csv") if row["task"] != "none"]
    assert len(said) == len(table) == 10
    for row in table:
        for column, words in zip(
            ("slowdown_mean", "work_loss_ratio"), said[row["task"], row["containment"]], strict=True
        ):
            value, lo, hi = (float(row[f"{column}{end}"]) for end in ("", "_lo", "_hi"))
            assert words == f"{value:.3f} [{lo:.3f}, {hi:.3f}]", (row["task"], column)


def test_its_verdicts_are_those_of_advise_under_the_limits_of_the_study() -> None:
    loaded = load(STUDY)
    assert loaded.limits is not None
    rulings = advise_on(loaded, loaded.limits).advice.rulings
    found = {(each.cell.task, containment_words(each.cell.containment)): each.verdict.value for each in rulings}
    assert found == {(task, containment): verdict for task, containment, _, _, verdict in ROW.findall(TEXT)}


def test_a_mix_is_not_the_sum_of_its_tasks() -> None:
    adds = {
        row["task"]: float(row["slowdown_mean"]) - 1
        for row in rows_of(STUDY / "cells.csv")
        if row["containment"] == "cpus=1"
    }
    words = " ".join(TEXT.split())
    assert (
        f"The server adds {adds['server']:.2f} times AlexNet's mean and the database {adds['database']:.2f} times; "
        f"both at once add {adds['both']:.2f} times, not {adds['server'] + adds['database']:.2f}." in words
    )
