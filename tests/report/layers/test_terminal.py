"""Layers on a terminal, and their sum against the whole in words."""

from __future__ import annotations

import dataclasses

import pytest

from colocate.report.layers.load import load
from colocate.report.layers.terminal import balance_words, print_layers, way_words
from colocate.report.text.captions import Caption
from tests.report.drawn import CAPTION
from tests.report.layers.looked_at import run

REPORT = load(run(), {})


def test_every_layer_and_every_kind_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_layers(REPORT, run())
    said = capsys.readouterr().out
    assert "net onnxruntime-cuda fp32 batch 1 on board; 24 of 24 trials" in said
    of_layers, of_kinds = said.split("By kind.")
    rows = [line.split() for line in of_layers.split("By layer.")[1].splitlines()]
    assert rows[1] == ["layer", "kind", "ms", "share", "GFLOP/s", "FLOP/B", "mJ"]
    assert rows[2] == ["conv1", "convolution", "0.600", "57.1", "%", "3.33", "2000", "3.570"]
    assert rows[3] == ["prob", "softmax", "0.200", "19.0", "%"]
    rows = [line.split() for line in of_kinds.splitlines()]
    assert rows[3][:6] == ["convolution", "1", "0.600", "57.1", "%", "3.33"]
    assert ["all", "layers", "3", "1.050", "100.0", "%"] in [row[:6] for row in rows], "decimals are the column's"
    told = " ".join(said.split())
    assert "Layers add up to 1.05 ms, the network takes 1.20 ms (p50): -12.5 %." in told
    assert all(note in told for note in REPORT.notes)


@pytest.mark.parametrize("columns", [80, 100, 147])
def test_a_long_name_is_broken_and_no_number_is(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    conv, *others = REPORT.fused_layers
    conv = dataclasses.replace(conv, layers=(30 * "conv1 ",), within=("loop",))
    print_layers(dataclasses.replace(REPORT, fused_layers=(conv, *others)), run())
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= columns
    assert "\n  conv1" in said, "what lies in a body is set in"
    assert all(number in said for number in ("0.600", "57.1 %", "3.33", "2000", "3.57"))


def test_energies_are_set_against_the_whole_where_all_are_known() -> None:
    assert balance_words(REPORT).endswith("-12.5 %."), "of one the energy is not known"
    conv = REPORT.fused_layers[0]
    whole = dataclasses.replace(REPORT, fused_layers=(conv,))
    assert balance_words(whole) == (
        "Layers add up to 0.600 ms, the network takes 1.20 ms (p50): -50.0 %. "
        "Energy above idle: layers 3.57 mJ, network 4.92 mJ: -27.4 %."
    )
    bare = dataclasses.replace(conv, time_s=None)
    assert balance_words(dataclasses.replace(REPORT, fused_layers=(bare,))).startswith("Neither the layers nor")


def test_how_the_network_was_run_is_not_said_twice() -> None:
    assert way_words(REPORT, CAPTION) == ["onnxruntime-cuda", "fp32", "batch 1"]
    assert way_words(REPORT, Caption("host", ("onnxruntime-cuda", "batch 1"))) == ["fp32"]
