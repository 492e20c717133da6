"""A comparison as JSON: every change, significant or not, under names with units."""

from __future__ import annotations

import json

import numpy as np
import pytest

from colocate.report.compare.load import Compared
from colocate.report.compare.to_json import comparison_json
from colocate.study.comparison import compare
from tests.report.compare.runs import P50, STEADY, compared
from tests.study.tables import SOLO, evidence

CELL = {
    *("network", "backend", "precision", "batch", "graph", "wait", "period_s", "inputs", "pipeline", "training"),
    *("task", "containment", "placement", "cpu_hz", "gpu_hz", "emc_hz"),
}


def test_every_change_names_its_cell_and_how_much_it_is() -> None:
    found = comparison_json(compared())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["regressions"], found["improvements"], found["blind"]) == (1, 1, 0)
    assert (found["max_regression"], found["confidence"]) == (0.0, 0.95)
    slower, cooler = found["changes"]
    assert slower.keys() == cooler.keys() > CELL
    assert (slower["network"], slower["task"], slower["quantity"]) == ("alexnet", "none", "latency_p50_s")
    assert (cooler["task"], cooler["quantity"], cooler["cpu_hz"]) == ("bitcount", "power_w", 1)
    for change, ratio in ((slower, 2.0), (cooler, 0.5)):
        assert change["ratio"] == pytest.approx(ratio) and change["lo"] < ratio < change["hi"]
        assert change["detectable_ratio"] == pytest.approx(change["ratio"] / change["lo"] - 1)
    assert (slower["regressed"], slower["improved"]) == (True, False)
    assert (cooler["regressed"], cooler["improved"]) == (False, True)


def test_cells_of_one_run_alone_and_what_else_differs() -> None:
    found = comparison_json(compared())
    (only,) = found["only_before"]
    assert only.keys() == CELL and (only["network"], only["task"]) == ("alexnet", "jpeg")
    assert (found["only_after"], found["differs"], found["notes"]) == ([], ["kernel was 5 and is 6"], ["A note."])


def test_a_change_without_an_interval_has_null_for_its_ends() -> None:
    one_block = [evidence(SOLO[0], {P50: np.array([1.0])})]
    found = comparison_json(Compared(compare(one_block, [evidence(SOLO[0], {P50: STEADY})]), (), ()))
    (change,) = found["changes"]
    assert (change["lo"], change["hi"], change["detectable_ratio"]) == (None, None, None)
    assert (change["regressed"], change["improved"], found["blind"]) == (False, False, 1)


def test_a_change_that_is_not_significant_is_there_too() -> None:
    steady = [evidence(SOLO[0], {P50: STEADY}), evidence(SOLO[1], {P50: STEADY})]
    found = comparison_json(Compared(compare(steady, steady), (), ()))
    assert [change["ratio"] for change in found["changes"]] == [1.0, 1.0]
    assert (found["regressions"], found["improvements"]) == (0, 0)
