"""Kinds of layers: each has a look of its own, and the key holds all of them."""

from __future__ import annotations

import itertools

from matplotlib.colors import to_rgb

from colocate.report.drawing.colours import relative_luminance
from colocate.report.layers.kinds import KIND_LOOKS, kind_lines
from colocate.study import layers


def test_every_kind_has_a_look() -> None:
    assert {*KIND_LOOKS} == {*layers._GROUPS, *layers._MODULE_KINDS.values(), "other"}


def test_the_lines_of_a_key_hold_every_kind_in_order() -> None:
    names = [*KIND_LOOKS]
    lines = kind_lines(names, 3.0)
    assert [name for line in lines for name in line] == names
    assert len(lines) > 1 and kind_lines(names, 100.0) == [names]


def test_kinds_that_are_alike_in_grey_differ_in_their_hatch() -> None:
    for (one, look), (other, next_look) in itertools.combinations(KIND_LOOKS.items(), 2):
        greys = [relative_luminance(to_rgb(each.colour)) for each in (look, next_look)]
        assert look.hatch != next_look.hatch or abs(greys[0] - greys[1]) > 0.08, (one, other)
