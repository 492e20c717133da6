"""Kinds of layers: each has a colour, and the key holds all of them."""

from __future__ import annotations

from colocate.report.layers.kinds import KIND_COLOURS, kind_lines
from colocate.study import layers


def test_every_kind_has_a_colour() -> None:
    assert {*KIND_COLOURS} == {*layers._GROUPS, *layers._MODULE_KINDS.values(), "other"}


def test_the_lines_of_a_key_hold_every_kind_in_order() -> None:
    names = [*KIND_COLOURS]
    lines = kind_lines(names, 3.0)
    assert [name for line in lines for name in line] == names
    assert len(lines) > 1 and kind_lines(names, 100.0) == [names]
