"""The kinds of layers: their colours in every figure, and the key to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import MARGIN_IN, SMALL_PT, Sheet


class KindLook(NamedTuple):
    """How one kind of layer is drawn: the colour and hatch of a bar, the marker of a point."""

    colour: str
    hatch: str
    marker: str


# Kinds of layers, and of modules. The colours are those of Okabe and Ito, which differ for the colour-blind; a hatch
# or a marker tells apart what is alike in grey.
KIND_LOOKS: Mapping[str, KindLook] = {
    "convolution": KindLook("#0072b2", "", "o"),
    "fully connected": KindLook("#e69f00", "", "s"),
    "fire module": KindLook("#332288", "", "D"),
    "inception module": KindLook("#332288", "////", "D"),
    "residual block": KindLook("#332288", "xxxx", "D"),
    "pooling": KindLook("#56b4e9", "////", "^"),
    "normalisation": KindLook("#cc79a7", "....", "v"),
    "element-wise": KindLook("#009e73", "\\\\\\\\", "P"),
    "control flow": KindLook("#8c5a3c", "xxxx", "X"),
    "softmax": KindLook("#f0e442", "", "*"),
    "data movement": KindLook("#bdbdbd", "----", "<"),
    "other": KindLook("#4d4d4d", "++++", ">"),
}
KIND_LINE_IN = 0.2
_WORDS_IN, _GAP_IN = 0.26, 0.18


def kind_lines(names: Iterable[str], width_in: float) -> list[list[str]]:
    """The names of kinds, split into lines of a key that fit into `width_in` inches."""
    found: list[list[str]] = [[]]
    used = 0.0
    for name in names:
        needed = _WORDS_IN + _GAP_IN + text_width_in(name, SMALL_PT)
        if used + needed > width_in:
            found.append([])
            used = 0.0
        found[-1].append(name)
        used += needed
    return found


def draw_kinds(sheet: Sheet, y: float, lines: Sequence[Sequence[str]], *, marks: bool = False) -> None:
    """Draw the key: `lines` of names of kinds, each after a bar of its colour, or with `marks` after its marker."""
    for number, names in enumerate(lines):
        key = Key(sheet, y + KIND_LINE_IN * number, MARGIN_IN, gap_in=_GAP_IN)
        for name in names:
            look = KIND_LOOKS[name]
            if marks:
                key.plot(name, (0.1,), words_in=_WORDS_IN, marker=look.marker, markersize=7, color=look.colour)
            else:
                key.box(name, 0.2, 0.12, look.colour, words_in=_WORDS_IN, hatch=look.hatch)
