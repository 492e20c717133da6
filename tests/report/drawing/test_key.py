"""A key: each symbol stands where its words begin, and no entry runs into the next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.report.drawing.colours import QUIET
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import MARGIN_IN, SMALL_PT, Sheet
from tests.report.drawn import boxes_on, lines_on, plotted_on

START_IN = MARGIN_IN + 0.05


@given(st.lists(st.text("abcdefgh ,%", min_size=1, max_size=20), min_size=1, max_size=6), st.floats(0.1, 0.5))
def test_entries_follow_one_another_with_the_gap_between(words: list[str], gap_in: float) -> None:
    sheet = Sheet(10.0, 2.0)
    key = Key(sheet, 1.0, gap_in=gap_in)
    for each in words:
        key.plot(each, marker="o")
    symbols = [float(np.asarray(line.get_xdata())[0]) for line in plotted_on(sheet.figure)]
    written = lines_on(sheet.figure)
    begins = [line.x for line in written]
    assert [line.words for line in written] == words
    assert symbols[0] == pytest.approx(START_IN)
    for symbol, begin in zip(symbols, begins, strict=True):
        assert begin == pytest.approx(symbol + 0.12)
    for begin, each, after in zip(begins, words, symbols[1:], strict=False):
        assert after == pytest.approx(begin + text_width_in(each, SMALL_PT) + gap_in)
    assert {line.y for line in written} == {1.0}


def test_a_line_is_drawn_from_where_its_entry_stands() -> None:
    sheet = Sheet(10.0, 2.0)
    key = Key(sheet, 1.0, 2.0, colour="#123456")
    key.plot("p50", (0.0, 0.3), (-0.1, 0.1), words_in=0.4, color="red", linewidth=2.0)
    (line,) = plotted_on(sheet.figure)
    assert np.asarray(line.get_xdata()).tolist() == pytest.approx([2.0, 2.3])
    assert np.asarray(line.get_ydata()).tolist() == pytest.approx([0.9, 1.1])
    assert (line.get_color(), line.get_linewidth()) == ("red", 2.0)
    (words,) = lines_on(sheet.figure)
    assert (words.x, words.y, words.colour) == (2.4, 1.0, "#123456")


def test_a_patch_is_in_the_middle_of_the_line() -> None:
    sheet = Sheet(10.0, 2.0)
    Key(sheet, 1.0).box("convolution", 0.3, 0.2, "#ff0000", words_in=0.35)
    (box,) = boxes_on(sheet.figure)
    assert (box.x, box.y) == pytest.approx((START_IN, 0.9))
    assert (box.width, box.height, box.face) == (0.3, 0.2, "#ff0000")
    (words,) = lines_on(sheet.figure)
    assert (words.x, words.y) == pytest.approx((START_IN + 0.35, 1.0)) and words.colour == QUIET
