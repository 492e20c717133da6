"""The roofline: what stands under the roof, and what could not be placed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from colocate.model.layers import Ceilings
from colocate.report.layers.load import load
from colocate.report.layers.roofline import draw_roofline
from tests.report.drawn import CAPTION, save_one, texts, words_on
from tests.report.layers.looked_at import run
from tests.study.fused import fused

REPORT = load(run(), {})


def test_the_page_tells_its_ceilings_and_what_is_not_on_it(tmp_path: Path) -> None:
    save_one(tmp_path, "roofline", lambda: draw_roofline(REPORT, CAPTION))
    found = texts(tmp_path / "roofline.svg")
    assert {"Roofline of net", CAPTION.rig, "conv1", "2000 GFLOP/s", "8.00 GB/s", "convolution"} <= {*found}
    words = " ".join(found)
    assert "Fused layers that multiply nothing are not shown; they take 43 % of it." in words
    assert "Ceilings: the quickest large matrix product and the quickest large copy in the same runtime." in words
    assert "softmax" not in found


def test_a_layer_stands_at_its_intensity_and_its_rate() -> None:
    figure = draw_roofline(REPORT, CAPTION)
    assert figure is not None
    discs = [line for axes in figure.axes for line in axes.lines if line.get_alpha() is not None]
    ((x, y),) = [(np.atleast_1d(line.get_xdata())[0], np.atleast_1d(line.get_ydata())[0]) for line in discs]
    assert (float(x), float(y)) == pytest.approx((2000.0, 2_000_000 / 0.0006 / 1e9))


def test_without_ceilings_the_layers_stand_all_the_same() -> None:
    figure = draw_roofline(dataclasses.replace(REPORT, ceilings=None), CAPTION)
    assert figure is not None and "The ceilings were not measured." in " ".join(words_on(figure))
    modelled = dataclasses.replace(REPORT, ceilings=Ceilings(1e12, 1e10), modelled=True)
    figure = draw_roofline(modelled, CAPTION)
    assert figure is not None and "Ceilings:" not in " ".join(words_on(figure))


def test_names_that_find_no_room_are_left_out() -> None:
    layers = tuple(fused(f"conv{n}", flop=2000, time_s=0.001) for n in range(30))
    figure = draw_roofline(dataclasses.replace(REPORT, fused_layers=layers), CAPTION)
    assert figure is not None
    named = [words for words in words_on(figure) if words.startswith("conv") and words != "convolution"]
    assert 1 <= len(named) <= 4, "all stand in one place, and a name may stand on each of its sides"


def test_where_nothing_multiplies_there_is_no_page() -> None:
    silent = dataclasses.replace(REPORT, fused_layers=(fused("pool1", kind="MaxPool", flop=0),))
    assert draw_roofline(silent, CAPTION) is None
