"""Figures as PNG and SVG; the same run gives the same bytes, whatever the user's matplotlib settings."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

_DPI = 144
# Agg ends at 65536; a page of hundreds of columns gets fewer dots rather than none.
_MAX_SIDE_PX = 16000


def save_figures(folder: Path, figures: Iterable[tuple[str, Figure | None]]) -> tuple[Path, ...]:
    """Save each of `figures` under its name into `folder`, which is made, and return the files' paths.

    They are drawn one by one as they are asked for, in the house style. In place of None, a figure for which the run
    has no value, a file from an earlier report is removed. Raises OSError when a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _house_style():
        return tuple(path for name, figure in figures for path in _saved(folder / name, figure))


def _saved(stem: Path, figure: Figure | None) -> list[Path]:
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    if figure is None:
        png.unlink(missing_ok=True)
        svg.unlink(missing_ok=True)
        return []
    dpi = min(_DPI, int(_MAX_SIDE_PX / max(figure.get_size_inches())))
    figure.savefig(png, format="png", dpi=dpi, metadata={"Software": None})
    figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return [png, svg]


@contextlib.contextmanager
def _house_style() -> Iterator[None]:
    """The library's own defaults and ours on top, for as long as it takes."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        # Names come from users: a `$` in one is a dollar sign. Text stays text: searchable, and small.
        matplotlib.rc("text", parse_math=False)
        matplotlib.rc("svg", fonttype="none", hashsalt="colocate")
        matplotlib.rc("hatch", linewidth=0.6)
        # A name in a script that DejaVu Sans does not have shows as boxes in the PNG and in full in the SVG.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from ", category=UserWarning)
        yield
