"""A page for a figure: text and shapes at places in inches from its top left corner, and colours one can read."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from colocate.report.text.captions import Caption

RGB = tuple[float, float, float]

BLACK, WHITE = "#000000", "#ffffff"
QUIET = "#555555"
RULE = "#bdbdbd"
MARGIN_IN = 0.35
# So that the title and the line that names the rig fit over a figure of one cell.
MIN_WIDTH_IN = 7.2
TITLE_PT, HEADING_PT, BODY_PT, SMALL_PT = 12.0, 9.5, 9.0, 7.5
LINE_IN = 0.165


class Sheet:
    """A figure of `width_in` x `height_in` inches; y grows downward."""

    def __init__(self, width_in: float, height_in: float) -> None:
        self.width_in, self.height_in = width_in, height_in
        self.figure = Figure(figsize=(width_in, height_in), facecolor=WHITE)
        self._paper = self.figure.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, width_in), ylim=(height_in, 0))
        self._paper.set_axis_off()

    def text(
        self, x: float, y: float, words: str, size: float = BODY_PT, *,
        ha: str = "left", va: str = "center", weight: str = "normal", colour: str = BLACK,
    ) -> None:  # fmt: skip
        """Write one line of `words`."""
        self._paper.text(x, y, words, fontsize=size, ha=ha, va=va, weight=weight, color=colour)

    def box(
        self, x: float, y: float, width: float, height: float, *,
        face: RGB | str = WHITE, edge: str | None = None, hatch: str | None = None,
    ) -> None:  # fmt: skip
        """Draw a rectangle down and right of (`x`, `y`); a hatch takes the colour of the edge."""
        colour = "none" if edge is None else edge
        self._paper.add_patch(
            Rectangle((x, y), width, height, facecolor=face, edgecolor=colour, hatch=hatch, linewidth=0.6)
        )

    def rule(self, x0: float, x1: float, y: float) -> None:
        """Draw a thin line across."""
        self._paper.plot((x0, x1), (y, y), color=RULE, linewidth=0.8)

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes whose frame is down and right of (`x`, `y`)."""
        return self.figure.add_axes(
            (
                x / self.width_in,
                1 - (y + height) / self.height_in,
                width / self.width_in,
                height / self.height_in,
            )
        )

    def heading(self, title: str, caption: Caption, phrases: Sequence[str]) -> None:
        """Write title, rig and circumstances; they take `heading_height_in`."""
        self.text(MARGIN_IN, 0.36, title, TITLE_PT, weight="bold")
        self.text(MARGIN_IN, 0.60, caption.rig, HEADING_PT, weight="bold")
        for number, line in enumerate(_heading_lines(caption, phrases, self.width_in)):
            self.text(MARGIN_IN, 0.82 + LINE_IN * number, line, BODY_PT, colour=QUIET)


def heading_height_in(caption: Caption, phrases: Sequence[str], width_in: float) -> float:
    """How far down the heading reaches, with the space after it."""
    return 0.82 + LINE_IN * len(_heading_lines(caption, phrases, width_in)) + 0.12


def _heading_lines(caption: Caption, phrases: Sequence[str], width_in: float) -> list[str]:
    return wrapped(", ".join((*caption.circumstances, *phrases)), width_in - 2 * MARGIN_IN, BODY_PT)


def wrapped(words: str, width_in: float, size: float) -> list[str]:
    """`words` as lines that fit into `width_in`, as far as single words allow."""
    first, *others = words.split()
    lines = [first]
    for word in others:
        if text_width_in(f"{lines[-1]} {word}", size) <= width_in:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def text_width_in(words: str, size: float, weight: str = "normal") -> float:
    """The width of `words` when drawn."""
    font = FontProperties(size=size, weight=weight)
    width_pt, _, _ = text_to_path.get_text_width_height_descent(words, font, ismath=False)
    return float(width_pt) / 72


def relative_luminance(rgb: RGB) -> float:
    """From sRGB in 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RGB, other: RGB) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    darker, lighter = sorted((relative_luminance(one), relative_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_colour(background: RGB) -> str:
    """Black or white, whichever stands out more: pure ones, of which the better has always 4.58:1 or more."""
    return BLACK if contrast(background, (0, 0, 0)) >= contrast(background, (1, 1, 1)) else WHITE


def round_ticks(lo: float, hi: float, logarithmic: bool) -> list[float]:
    """Round numbers in `lo` to `hi`, both positive for a logarithmic scale: even steps unless it spans far."""
    if not logarithmic or hi / lo < 4:
        ticks = [float(tick) for tick in MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(lo, hi)]
    else:
        first, last = math.floor(math.log10(lo)), math.ceil(math.log10(hi))
        leading = (1, 2, 3, 5) if hi / lo < 100 else (1, 3) if hi / lo < 1e4 else (1,)
        ticks = [digit * 10.0**power for power in range(first, last + 1) for digit in leading]
    slack = 1e-9 * (hi - lo)
    return [tick for tick in ticks if lo - slack <= tick <= hi + slack]
