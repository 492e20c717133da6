"""Text that stands out on its colour."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb

from colocate.report.drawing.colours import contrast, text_colour


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_text_stands_out_on_every_colour(background: tuple[float, float, float]) -> None:
    assert contrast(to_rgb(text_colour(background)), background) >= 4.5


def test_contrast_of_known_colours() -> None:
    assert contrast((0, 0, 0), (1, 1, 1)) == pytest.approx(21)
    # The grey that just misses AA on white.
    assert contrast(to_rgb("#777777"), (1, 1, 1)) == pytest.approx(4.48, abs=0.01)
