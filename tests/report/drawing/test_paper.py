"""Colours that stand out, and round ticks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from colocate.report.drawing.paper import contrast, round_ticks, text_colour


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_text_stands_out_on_every_colour(background: tuple[float, float, float]) -> None:
    assert contrast(to_rgb(text_colour(background)), background) >= 4.5


def test_contrast_of_known_colours() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    # The grey that just misses AA on white.
    assert contrast(to_rgb("#777777"), (1, 1, 1)) == pytest.approx(4.48, abs=0.01)


@given(st.floats(1e-6, 1e6), st.floats(1.02, 1e6), st.booleans())
def test_ticks_lie_inside_and_are_few(lo: float, ratio: float, logarithmic: bool) -> None:
    ticks = round_ticks(lo, lo * ratio, logarithmic)
    slack = 1e-6 * lo * ratio
    assert 1 <= len(ticks) <= 14
    assert all(lo - slack <= tick <= lo * ratio + slack for tick in ticks)
