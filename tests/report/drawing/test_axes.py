"""Round ticks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from colocate.report.drawing.axes import round_ticks


@given(st.floats(1e-6, 1e6), st.floats(1.02, 1e6), st.booleans())
def test_ticks_lie_inside_and_are_few(lo: float, ratio: float, logarithmic: bool) -> None:
    ticks = round_ticks(lo, lo * ratio, logarithmic)
    slack = 1e-6 * lo * ratio
    assert 1 <= len(ticks) <= 14
    assert all(lo - slack <= tick <= lo * ratio + slack for tick in ticks)
