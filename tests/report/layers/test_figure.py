"""Where a network's time and energy go, as shares and layer by layer."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from colocate.report.drawing.paper import PAGE_IN
from colocate.report.layers.figure import draw_layers
from colocate.report.layers.kinds import KIND_LOOKS
from colocate.report.layers.load import load
from colocate.study.layers import _GROUPS, _MODULE_KINDS
from tests.report.drawn import CAPTION, save_one, texts, words_on
from tests.report.layers.looked_at import run
from tests.study.fused import fused

REPORT = load(run(), {})


def test_the_page_tells_every_layer_and_what_they_add_up_to(tmp_path: Path) -> None:
    save_one(tmp_path, "layers", lambda: draw_layers(REPORT, CAPTION))
    found = texts(tmp_path / "layers.svg")
    assert {"Where net spends its time", CAPTION.rig, "time, ms", "energy above idle, mJ"} <= {*found}
    assert {"conv1", "prob", "0.600", "0.200", "3.57", "not resolved"} <= {*found}
    assert {"convolution", "softmax", "data movement", "57 %", "19 %", "24 %", "1.05 ms"} <= {*found}
    assert "Layers add up to 1.05 ms" in " ".join(found)
    assert "energy above idle" not in found, "shares of an energy of which a part is missing are none"


def test_the_longest_layers_are_shown_of_very_many() -> None:
    layers = tuple(fused(f"conv{n}", time_s=0.001 * (n + 1)) for n in range(80))
    figure = draw_layers(dataclasses.replace(REPORT, fused_layers=layers), CAPTION)
    assert figure is not None
    found = words_on(figure)
    (note,) = [words for words in found if words.endswith(" longest of 80; all are in layer-groups.csv")]
    shown = int(note.split()[1])
    assert "conv79" in found and f"conv{80 - shown}" in found and f"conv{79 - shown}" not in found
    assert shown > 20 and figure.get_size_inches()[1] <= PAGE_IN


def test_where_nothing_was_timed_there_is_no_page() -> None:
    untimed = dataclasses.replace(REPORT, fused_layers=(fused("conv1", time_s=None),))
    assert draw_layers(untimed, CAPTION) is None


@pytest.mark.parametrize("kind", [*_GROUPS, *_MODULE_KINDS.values(), "other"])
def test_every_kind_has_a_look(kind: str) -> None:
    assert kind in KIND_LOOKS
