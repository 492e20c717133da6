"""A page for a figure: text and shapes at places in inches from its top left corner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Affine2D

from colocate.model.trial import FloatArray
from colocate.report.drawing.colours import BLACK, QUIET, RGB, RULE, WHITE
from colocate.report.drawing.ink import PLOTTED, Box, Boxes, Line, Lines, text_width_in
from colocate.report.text.captions import Caption

MARGIN_IN = 0.35
# So that the title and the line that names the rig fit over a figure of one cell.
MIN_WIDTH_IN = 7.2
# The height of a sheet of A4 or letter paper within its margins, in inches.
PAGE_IN = 10.6
TITLE_PT, HEADING_PT, BODY_PT, SMALL_PT = 12.0, 9.5, 9.0, 7.5
LINE_IN = 0.165


class Sheet:
    """A figure of `width_in` x `height_in` inches. All places are in inches from its top left corner."""

    def __init__(self, width_in: float, height_in: float) -> None:
        self.width_in, self.height_in = width_in, height_in
        self.figure = Figure(figsize=(width_in, height_in), facecolor=WHITE)
        # Axes for the whole sheet would take longer than all the lines and boxes on it.
        self._inches = Affine2D().scale(1, -1).translate(0, height_in) + self.figure.dpi_scale_trans
        self._boxes, self._lines = Boxes(), Lines()
        for ink in (self._boxes, self._lines):
            self.figure.add_artist(ink)

    def text(
        self, x: float, y: float, words: str, size: float = BODY_PT, *,
        ha: str = "left", weight: str = "normal", colour: str = BLACK,
    ) -> None:  # fmt: skip
        """Write one line of `words`, in `size` points, with its middle at `y`."""
        if words:
            self._lines.lines.append(Line(x, y, words, size, ha, weight, colour))

    def note(self, x: float, y: float, words: str, *, ha: str = "left") -> None:
        """Write one small grey line: a unit, the title of a column, a remark."""
        self.text(x, y, words, SMALL_PT, ha=ha, colour=QUIET)

    def title(self, x: float, y: float, words: str, *, ha: str = "left") -> None:
        """Write the bold title of a part of the figure."""
        self.text(x, y, words, HEADING_PT, ha=ha, weight="bold")

    def lines(self, y: float, lines: Iterable[str]) -> None:
        """Write `lines` one under the other, from the left margin."""
        for number, line in enumerate(lines):
            self.text(MARGIN_IN, y + LINE_IN * number, line)

    def box(
        self, x: float, y: float, width: float, height: float, *,
        face: RGB | str = WHITE, edge: str | None = None, hatch: str | None = None,
    ) -> None:  # fmt: skip
        """Draw a rectangle with its top left corner at (`x`, `y`); a hatch takes the colour of the edge."""
        self._boxes.boxes.append(Box(x, y, width, height, face, edge, hatch))

    def plot(self, xs: Sequence[float] | FloatArray, ys: Sequence[float] | FloatArray, **look: Any) -> None:
        """Draw a line or marks, as matplotlib's `plot` does."""
        self.figure.add_artist(Line2D(xs, ys, transform=self._inches, zorder=PLOTTED, **look))

    def rule(self, x0: float, x1: float, y: float) -> None:
        """Draw a thin grey line from `x0` to `x1`."""
        self.plot((x0, x1), (y, y), color=RULE, linewidth=0.8)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Add axes whose frame has its top left corner at (`x`, `y`)."""
        return self.figure.add_axes(
            (
                x / self.width_in,
                1 - (y + height) / self.height_in,
                width / self.width_in,
                height / self.height_in,
            )
        )

    def heading(self, title: str, caption: Caption, phrases: Sequence[str]) -> None:
        """Write the title, the machine or model, and how it was measured. See also `heading_height_in`."""
        self.text(MARGIN_IN, 0.36, title, TITLE_PT, weight="bold")
        self.title(MARGIN_IN, 0.60, caption.rig)
        for number, line in enumerate(_heading_lines(caption, phrases, self.width_in)):
            self.text(MARGIN_IN, 0.82 + LINE_IN * number, line, BODY_PT, colour=QUIET)


def heading_height_in(caption: Caption, phrases: Sequence[str], width_in: float) -> float:
    """How far down the heading reaches, in inches, with the space below it."""
    return 0.82 + LINE_IN * len(_heading_lines(caption, phrases, width_in)) + 0.12


def _heading_lines(caption: Caption, phrases: Sequence[str], width_in: float) -> list[str]:
    return wrapped(", ".join((*caption.circumstances, *phrases)), width_in - 2 * MARGIN_IN, BODY_PT)


def wrapped(words: str, width_in: float, size: float) -> list[str]:
    """`words` broken into lines of at most `width_in` inches; a word that is wider stays whole."""
    first, *others = words.split()
    lines = [first]
    for word in others:
        if text_width_in(f"{lines[-1]} {word}", size) <= width_in:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
