"""Layers and groups under the columns of layers.csv and layer-groups.csv."""

from __future__ import annotations

import pytest

from colocate.report.layers.load import load
from colocate.report.layers.rows import group_rows, layer_row, layers_json
from tests.report.layers.looked_at import run
from tests.report.layers.runs import run_of

REPORT = load(run(), {})


def test_a_layer_is_a_row_with_its_share_and_its_place_under_the_roof() -> None:
    conv, softmax, overhead = (layer_row(layer, REPORT) for layer in REPORT.fused_layers)
    assert (conv["name"], conv["group"], conv["module"], conv["layers"]) == ("conv1", "convolution", None, "conv1")
    assert conv["time_share"] == pytest.approx(0.0006 / 0.00105)
    assert conv["intensity_flop_per_byte"] == 2000 and conv["flop_per_s"] == pytest.approx(2_000_000 / 0.0006)
    assert (softmax["energy_j"], softmax["warnings"], softmax["flop_per_s"]) == (None, "energy unresolved", None)
    assert (overhead["group"], overhead["layers"], overhead["flop"]) == ("data movement", "", None)


def test_groups_end_with_all_layers_and_the_network_itself() -> None:
    rows = group_rows(REPORT)
    assert [(row["grouping"], row["name"]) for row in rows] == [
        ("kind", "convolution"), ("kind", "softmax"), ("kind", "data movement"),
        ("module", "conv1"), ("module", "prob"), ("module", "launch, input and output"),
        ("sum", "all layers"), ("whole", "net"),
    ]  # fmt: skip
    assert {tuple(row) for row in rows} == {tuple(rows[0])}, "every row has every column"
    *_, everything, whole = rows
    assert everything["time_share"] == pytest.approx(1.0) and everything["energy_j"] is None, "of one it is not known"
    assert whole["time_s"] == pytest.approx(0.0012) and whole["time_share"] is None


def test_json_has_layers_groups_and_what_they_add_up_to() -> None:
    found = layers_json(REPORT)
    assert [row["name"] for row in found["layers"]] == ["conv1", "prob", "launch, input and output"]
    assert found["difference_ratio"] == pytest.approx(0.00105 / 0.0012 - 1)
    assert found["ceilings"] == {"flop_per_s": pytest.approx(2e12), "bytes_per_s": pytest.approx(8e9)}
    assert found["notes"] == list(REPORT.notes) and len(found["groups"]) == 8


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
