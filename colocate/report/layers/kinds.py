"""The kinds of layers: their colours in every figure, and the key to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from colocate.report.drawing.key import Key
from colocate.report.drawing.paper import MARGIN_IN, SMALL_PT, Sheet, text_width_in

# Kinds of layers, and of modules; what reads and writes most is pale, what multiplies is strong.
KIND_COLOURS: Mapping[str, str] = {
    "convolution": "#b5367a",
    "fully connected": "#e58a2b",
    "fire module": "#5e3c99",
    "inception module": "#5e3c99",
    "residual block": "#5e3c99",
    "pooling": "#2b83ba",
    "normalisation": "#74a9cf",
    "element-wise": "#6a9f58",
    "control flow": "#8c5a3c",
    "softmax": "#d9c74a",
    "data movement": "#b0b0b0",
    "other": "#4d4d4d",
}
KIND_LINE_IN = 0.2
_WORDS_IN, _GAP_IN = 0.26, 0.18


def kind_lines(names: Iterable[str], width_in: float) -> list[list[str]]:
    """The names of kinds, in lines of a key that fit into `width_in`."""
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


def draw_kinds(sheet: Sheet, y: float, lines: Sequence[Sequence[str]]) -> None:
    """Draw the key: `lines` of kinds, each after its colour."""
    for number, names in enumerate(lines):
        key = Key(sheet, y + KIND_LINE_IN * number, MARGIN_IN, gap_in=_GAP_IN)
        for name in names:
            key.box(name, 0.2, 0.12, KIND_COLOURS[name], words_in=_WORDS_IN)
