"""What a sweep shows: under limits the advice, else its cells alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.report.run_report import load as load_run
from colocate.report.sweep.load import load
from colocate.request.limit_keys import LimitChanges
from tests.report.compare.runs import run


def test_under_limits_every_cell_is_judged(tmp_path: Path) -> None:
    folder = run(tmp_path / "run")
    assert load(load_run(folder), {}).advice is None
    advice = load(load_run(folder, LimitChanges({"max_slowdown": 2.0})), {}).advice
    assert advice is not None and [each.cell.task for each in advice.advice.rulings] == ["mine"]


def test_a_run_that_holds_nothing_to_judge_has_no_advice(tmp_path: Path) -> None:
    assert load(load_run(run(tmp_path / "run", done=0), LimitChanges({"max_slowdown": 2.0})), {}).advice is None


def test_limits_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    found = load_run(run(tmp_path / "run"), LimitChanges({"max_slowdown": 0.5}))
    with pytest.raises(SpecError, match="must be a ratio above 1"):
        load(found, {})
