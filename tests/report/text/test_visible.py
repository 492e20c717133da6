"""Text of others is shown, and does nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.report.text.visible import LINE_LIMIT, one_line, visible


@given(st.text())
def test_what_is_visible_acts_on_nothing_and_is_one_line(text: str) -> None:
    assert all(c.isprintable() or c == "\n" for c in visible(text))
    assert one_line(text).isprintable()
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve ± µ 網", "naïve ± µ 網"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb\x9b31m", "a\\rb\\x9b31m"),
        ("\u202efdp.exe", "\\u202efdp.exe"),
        ("\udcff", "\\udcff"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_what_cannot_be_shown_is_written_as_its_escape(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert one_line(text) == shown.replace("\n", "\\n")


def test_a_long_line_keeps_both_ends() -> None:
    line = one_line("batch: give at most 10, not " + "9" * 4000 + "; see --help")
    assert len(line) == LINE_LIMIT
    assert line.startswith("batch: give at most 10, not 999") and line.endswith("999; see --help") and "…" in line
