"""Colours with enough contrast, and markers and dashes that tell series apart even in grey print."""

from __future__ import annotations

from typing import Any

RGB = tuple[float, float, float]

BLACK, WHITE = "#000000", "#ffffff"
QUIET = "#555555"
RULE = "#bdbdbd"
# A network alone, or no task, where the rest has colours.
ALONE = "#9a9a9a"

# The first of several series, the second, and so on; their lightness differs as much as their hue.
SERIES = ("#1a1a1a", "#b5367a", "#e58a2b")
SERIES_MARKERS = ("o", "s", "^", "D")
SERIES_DASHES: tuple[Any, ...] = ((0, ()), (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
INK, ACCENT = SERIES[:2]


def relative_luminance(rgb: RGB) -> float:
    """The luminance, 0 to 1, of a colour with sRGB parts of 0 to 1 (WCAG 2.2, definition of relative luminance)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: RGB, other: RGB) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, definition of contrast ratio)."""
    darker, lighter = sorted((relative_luminance(one), relative_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_colour(background: RGB) -> str:
    """Black or white, whichever has more contrast to `background`. This contrast is always at least 4.58:1."""
    return BLACK if contrast(background, (0, 0, 0)) >= contrast(background, (1, 1, 1)) else WHITE
