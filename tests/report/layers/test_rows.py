"""The columns of layers.csv and layer-groups.csv."""

from __future__ import annotations

import pytest

from colocate.report.layers.load import load
from colocate.report.layers.rows import group_rows, layer_row, layers_json
from tests.report.layers.runs import run_of

WRONG = "profile does not add up"


def test_rows_of_a_body_have_full_names_and_say_where_they_lie() -> None:
    report = load(run_of(0.01, precision="int8"), {})
    rows = [layer_row(layer, report) for layer in report.fused_layers]
    assert [(row["name"], row["within"], row["layers"]) for row in rows] == [
        ("stem", "", "stem"), ("loop", "", "loop"), ("loop > stem", "loop", "stem")
    ]  # fmt: skip
    assert {(row["precision"], row["warnings"]) for row in rows} == {("int8", "")}
    assert sum(float(row["time_share"] or 0) for row in rows) == pytest.approx(1)


def test_groups_name_the_precision_and_the_body_counts_by_its_own_kind() -> None:
    rows = group_rows(load(run_of(0.01, precision="mixed int8/fp32"), {}))
    assert {row["precision"] for row in rows} == {"mixed int8/fp32"}
    kinds = {row["name"]: row["time_s"] for row in rows if row["grouping"] == "kind"}
    assert kinds == {"fully connected": pytest.approx(0.009), "control flow": pytest.approx(0.001)}
    assert [row["name"] for row in rows if row["grouping"] == "module"] == ["stem", "loop", "loop > stem"]


@pytest.mark.parametrize(("whole_s", "warning"), [(0.01, ""), (0.005, WRONG)])
def test_a_profile_that_does_not_add_up_is_marked_on_every_time_and_on_the_sum(whole_s: float, warning: str) -> None:
    report = load(run_of(whole_s), {})
    assert {layer_row(layer, report)["warnings"] for layer in report.fused_layers} == {warning}
    assert {row["grouping"]: row["warnings"] for row in group_rows(report)} == {
        "kind": "", "module": "", "sum": warning, "whole": None
    }  # fmt: skip
    found = layers_json(report)
    assert (found["warnings"], found["precision"]) == ([warning] if warning else [], "fp32")
