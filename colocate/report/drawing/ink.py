"""Draw all lines of text of a page as one matplotlib artist, and all boxes as another.

An artist for each line or box would take longer to set up than to draw.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg, get_hinting_flag
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, IdentityTransform

from colocate.report.drawing.colours import RGB

# In which order a sheet is drawn: boxes, what is plotted on it, text, and axes, which have 0.
PLOTTED = -2
_POINTS_PER_IN = 72
# Units of a font's lengths per pixel.
_PER_PIXEL = 64
# From the middle between ascenders and descenders down to the baseline, in sizes of the font.
_MIDDLE = 0.26
_LINE_PT = 0.6
_DIGIT = re.compile("[0-9]")
# The share of a line's width that lies left of its x.
_LEFT = {"left": 0.0, "center": 0.5, "right": 1.0}


@functools.lru_cache
def font_of(size: float, weight: str) -> FontProperties:
    """The font of this size, in points, and weight."""
    return FontProperties(size=size, weight=weight)


def text_width_in(words: str, size: float, weight: str = "normal") -> float:
    """The width of `words` in inches when drawn at `size` points. All digits are equally wide."""
    return _width_in(_DIGIT.sub("0", words), size, weight)


@functools.lru_cache(maxsize=4096)
def _width_in(words: str, size: float, weight: str) -> float:
    """The width in inches; cached, as a page asks for the same words many times."""
    width_pt, _, _ = text_to_path.get_text_width_height_descent(words, font_of(size, weight), ismath=False)
    return float(width_pt) / _POINTS_PER_IN


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in `size` points. Its middle is `y` inches below the top of the page.

    `x`, in inches, is its left end, its middle or its right end, as `ha` says.
    """

    x: float
    y: float
    words: str
    size: float
    ha: str
    weight: str
    colour: str


class Lines(Artist):
    """The lines of text of a page, in front of everything but axes."""

    zorder = -1

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []

    def draw(self, renderer: RendererBase, *_: Any, **__: Any) -> None:
        """See `Artist.draw`."""
        figure = self.get_figure(root=True)
        assert figure is not None, "it is on a page"
        dots, height = figure.dpi, float(renderer.get_canvas_width_height()[1])
        # A format that aligns text itself is told how, by an artist of the library's own.
        told = Text(transform=IdentityTransform(), figure=figure)
        for line in self.lines:
            x, baseline = line.x * dots, (line.y + _MIDDLE * line.size / _POINTS_PER_IN) * dots
            gc = renderer.new_gc()
            gc.set_foreground(to_rgba(line.colour), isRGBA=True)
            if isinstance(renderer, RendererAgg):
                _print(renderer, gc, line, (x, height - baseline))
            else:
                told.set_position((x, height - baseline))
                told.set_horizontalalignment(line.ha)  # type: ignore[arg-type]
                # A format that keeps text as text has no use for its width.
                renderer.draw_text(
                    gc, x, baseline, line.words, font_of(line.size, line.weight), 0, ismath=False, mtext=told
                )
            gc.restore()
        self.stale = False


def _print(renderer: RendererAgg, gc: GraphicsContextBase, line: Line, at: tuple[float, float]) -> None:
    """Draw a line of text as one image. `at` is its x, and the height of its baseline above the bottom, in pixels.

    Letter by letter, as matplotlib draws text, it takes four times as long.
    """
    hinting = get_hinting_flag()  # type: ignore[no-untyped-call]
    found = _print_of(line.words, line.size, line.weight, renderer.dpi, hinting)
    image = np.empty((*found.ink.shape, 4), dtype=np.uint8)
    image[..., :3] = np.round(255 * np.array(gc.get_rgb()[:3]))
    image[..., 3] = found.ink
    left = at[0] - _LEFT[line.ha] * found.width + found.offset
    renderer.draw_image(gc, round(left), round(at[1]) + found.above - len(image), image[::-1])


class _Print(NamedTuple):
    """The image of a line of text: how dark each pixel is (rows, columns), the top row first.

    In pixels: the `width` of the text, the `offset` of the first column from its left end, and how many rows lie
    `above` the baseline.
    """

    ink: npt.NDArray[np.uint8]
    width: float
    offset: float
    above: int


@functools.lru_cache(maxsize=4096)
def _print_of(words: str, size: float, weight: str, dpi: float, hinting: Any) -> _Print:
    """The image of a line of text; cached, as four in ten lines of a report appear in several figures."""
    font = get_font(findfont(font_of(size, weight)))
    font.set_size(size, dpi)
    font.set_text(words, 0.0, flags=hinting)
    font.draw_glyphs_to_bitmap(antialiased=True)
    width, height = font.get_width_height()
    # Over the highest letter of an image is an empty row.
    above = 1 + (height - font.get_descent()) // _PER_PIXEL
    return _Print(np.array(font.get_image()), width / _PER_PIXEL, font.get_bitmap_offset()[0] / _PER_PIXEL, above)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle with its top left corner at (`x`, `y`), in inches; a hatch takes the colour of the edge."""

    x: float
    y: float
    width: float
    height: float
    face: RGB | str
    edge: str | None
    hatch: str | None


class Boxes(Artist):
    """The boxes of a page, behind everything else; a later box covers an earlier one."""

    zorder = PLOTTED - 1

    def __init__(self) -> None:
        super().__init__()
        self.boxes: list[Box] = []

    def draw(self, renderer: RendererBase, *_: Any, **__: Any) -> None:
        """See `Artist.draw`."""
        figure = self.get_figure(root=True)
        assert figure is not None, "it is on a page"
        dots, top_in = figure.dpi, figure.get_figheight()
        unit = Path.unit_rectangle()
        for box in self.boxes:
            gc = renderer.new_gc()
            gc.set_linewidth(0 if box.edge is None else _LINE_PT)
            gc.set_foreground(to_rgba(box.edge or "none"), isRGBA=True)
            if box.hatch:
                gc.set_hatch(box.hatch)
                gc.set_hatch_color(to_rgba(box.edge or "none"))
            gc.set_joinstyle("miter")
            scaled = Affine2D().scale(box.width * dots, box.height * dots)
            place = scaled.translate(box.x * dots, (top_in - box.y - box.height) * dots)
            renderer.draw_path(gc, unit, place, to_rgba(box.face))
            gc.restore()
        self.stale = False
