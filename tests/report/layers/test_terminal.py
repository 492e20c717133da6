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


def cells(line: str) -> list[str]:
    return [part.strip() for part in line.strip("│").split("│")]


def test_every_layer_and_every_kind_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_layers(REPORT, run())
    said = capsys.readouterr().out
    assert "net onnxruntime-cuda fp32 batch 1 on board, 24 of 24 trials" in said
    rows = [cells(line) for line in said.splitlines() if line.startswith("│")]
    assert rows[0] == ["conv1", "convolution", "0.600", "57.1 %", "3.33", "2000", "3.57"]
    assert rows[1] == ["prob", "softmax", "0.200", "19.0 %", "", "", ""]
    assert rows[3][:3] == ["convolution", "1 fused layer", "0.600"] and rows[-1][:2] == [
        "all layers",
        "3 fused layers",
    ]
    assert "Layers add up to 1.05 ms, the network takes 1.20 ms (p50): -12.5 %." in said
    assert all(note in said for note in REPORT.notes)


def test_energies_are_set_against_the_whole_where_all_are_known() -> None:
    assert balance_words(REPORT).endswith("-12.5 %."), "of one the energy is not known"
    conv = REPORT.fused_layers[0]
    whole = dataclasses.replace(REPORT, fused_layers=(conv,))
    assert balance_words(whole) == (
        "Layers add up to 0.600 ms, the network takes 1.20 ms (p50): -50.0 %. "
        "In energy above idle 3.57 mJ of 4.92 mJ: -27.4 %."
    )
    bare = dataclasses.replace(conv, time_s=None)
    assert balance_words(dataclasses.replace(REPORT, fused_layers=(bare,))).startswith("Neither the layers nor")


def test_how_the_network_was_run_is_not_said_twice() -> None:
    assert way_words(REPORT, CAPTION) == ["onnxruntime-cuda", "fp32", "batch 1"]
    assert way_words(REPORT, Caption("host", ("onnxruntime-cuda", "batch 1"))) == ["fp32"]
