"""Layers and groups under the columns of layers.csv and layer-groups.csv."""

from __future__ import annotations

import pytest

from colocate.report.layers.load import load
from colocate.report.layers.rows import group_rows, layer_row, layers_json
from tests.report.layers.looked_at import run

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
