"""The key of a figure: a line that says what its symbols mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from colocate.report.drawing.colours import QUIET, RGB, WHITE
from colocate.report.drawing.ink import text_width_in
from colocate.report.drawing.paper import MARGIN_IN, SMALL_PT, Sheet


class Key:
    """A line of symbols as the figure draws them, each followed by words; it begins at (`x`, `y`), in inches."""

    def __init__(
        self, sheet: Sheet, y: float, x: float = MARGIN_IN + 0.05, *, gap_in: float = 0.30, colour: str = QUIET
    ) -> None:
        self._sheet, self._x, self._y, self._gap_in, self._colour = sheet, x, y, gap_in, colour

    def plot(
        self, words: str, xs_in: Sequence[float] = (0.0,), ys_in: Sequence[float] | None = None, *,
        words_in: float = 0.12, **look: Any,
    ) -> None:  # fmt: skip
        """Draw a symbol with matplotlib's `plot`, and write `words` right of it.

        `xs_in`, `ys_in` and `words_in` are inches from the place of the symbol.
        """
        ys_in = ys_in or [0.0] * len(xs_in)
        self._sheet.plot([self._x + x for x in xs_in], [self._y + y for y in ys_in], **look)
        self._write(words, words_in)

    def box(
        self, words: str, width_in: float, height_in: float, face: RGB | str, *, words_in: float, hatch: str = ""
    ) -> None:
        """Draw a patch of colour, hatched in white if `hatch` is given, and write `words` right of it."""
        edge = WHITE if hatch else None
        self._sheet.box(
            self._x, self._y - height_in / 2, width_in, height_in, face=face, edge=edge, hatch=hatch or None
        )
        self._write(words, words_in)

    def _write(self, words: str, words_in: float) -> None:
        self._sheet.text(self._x + words_in, self._y, words, SMALL_PT, colour=self._colour)
        self._x += words_in + text_width_in(words, SMALL_PT) + self._gap_in
