"""A page in inches from its top left corner, and lines that fit."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.report.drawing.colours import QUIET, WHITE
from colocate.report.drawing.ink import Box, text_width_in
from colocate.report.drawing.paper import (
    BODY_PT,
    HEADING_PT,
    LINE_IN,
    MARGIN_IN,
    SMALL_PT,
    TITLE_PT,
    Sheet,
    heading_height_in,
    wrapped,
)
from colocate.report.text.captions import Caption
from tests.report.drawn import CAPTION, boxes_on, lines_on, plotted_on, words_on

WORDS = st.lists(st.text("abcdefgh$_\\^{%", min_size=1, max_size=30), min_size=1, max_size=12).map(" ".join)


@given(WORDS, st.floats(0.3, 8.0), st.sampled_from([SMALL_PT, BODY_PT, TITLE_PT]))
def test_lines_hold_every_word_in_order_and_fit(words: str, width_in: float, size: float) -> None:
    lines = wrapped(words, width_in, size)
    assert " ".join(lines) == words
    assert all(text_width_in(line, size) <= width_in for line in lines if " " in line)
    # No line has room for the word that the next one begins with.
    for line, after in itertools.pairwise(lines):
        assert text_width_in(f"{line} {after.split()[0]}", size) > width_in


def test_a_width_grows_with_its_words_their_size_and_their_weight() -> None:
    assert text_width_in("wider", 9) > text_width_in("wide", 9) > 0
    assert text_width_in("wide", 18) == pytest.approx(2 * text_width_in("wide", 9), rel=0.02)
    assert text_width_in("wide", 9, "bold") > text_width_in("wide", 9)
    # A dollar is a character, and begins no formula.
    assert text_width_in("$x$", 9) > text_width_in("x", 9) + text_width_in("$", 9)


def test_a_place_is_in_inches_from_the_top_left() -> None:
    sheet = Sheet(8.0, 4.0)
    assert sheet.figure.get_size_inches().tolist() == [8.0, 4.0]
    sheet.plot((2.0,), (1.0,))
    (point,) = plotted_on(sheet.figure)
    inches = sheet.figure.dpi_scale_trans.inverted().transform(point.get_transform().transform((2.0, 1.0)))
    assert inches.tolist() == pytest.approx([2.0, 4.0 - 1.0])
    box = sheet.axes(2.0, 0.5, 4.0, 2.0).get_position()
    assert box.bounds == pytest.approx((2 / 8, 1.5 / 4, 4 / 8, 2 / 4))


def test_a_box_is_down_and_right_of_its_place_and_hatched_in_the_colour_of_its_edge() -> None:
    sheet = Sheet(8.0, 4.0)
    sheet.box(1.0, 2.0, 0.5, 0.25, face="#ff0000", edge="#0000ff", hatch="///")
    sheet.box(1.0, 3.0, 0.5, 0.25)
    assert boxes_on(sheet.figure) == [
        Box(1.0, 2.0, 0.5, 0.25, "#ff0000", "#0000ff", "///"),
        Box(1.0, 3.0, 0.5, 0.25, WHITE, None, None),
    ]


def test_lines_stand_under_each_other_at_the_margin() -> None:
    sheet = Sheet(8.0, 4.0)
    sheet.lines(1.0, ["one", "two", "three"])
    xs, ys = zip(*((line.x, line.y) for line in lines_on(sheet.figure)), strict=True)
    assert xs == (MARGIN_IN,) * 3 and ys == pytest.approx([1.0 + LINE_IN * nth for nth in range(3)])


def test_notes_are_small_and_quiet_and_titles_bold() -> None:
    sheet = Sheet(8.0, 4.0)
    sheet.note(1.0, 1.0, "W", ha="right")
    sheet.title(1.0, 2.0, "Power")
    note, title = lines_on(sheet.figure)
    assert (note.size, note.colour, note.ha) == (SMALL_PT, QUIET, "right")
    assert (title.size, title.weight, title.ha) == (HEADING_PT, "bold", "left")


@given(st.lists(st.text("abc ", min_size=1).filter(str.strip), min_size=1, max_size=20), st.floats(3.0, 12.0))
def test_a_heading_ends_above_its_height(circumstances: list[str], width_in: float) -> None:
    caption = Caption("host: Acme", tuple(circumstances))
    sheet = Sheet(width_in, 20.0)
    sheet.heading("Slowdown", caption, ["95 % intervals"])
    lowest = max(line.y for line in lines_on(sheet.figure))
    height = heading_height_in(caption, ["95 % intervals"], width_in)
    assert lowest < height <= lowest + 2 * LINE_IN


def test_a_heading_says_title_rig_and_circumstances() -> None:
    sheet = Sheet(8.0, 4.0)
    sheet.heading("Slowdown", CAPTION, ["isolated"])
    assert [words for words in words_on(sheet.figure) if words] == [
        "Slowdown", CAPTION.rig, "5 repeats, windows of 2 s, isolated",
    ]  # fmt: skip
