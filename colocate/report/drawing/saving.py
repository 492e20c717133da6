"""Figures as PNG and SVG; the same run gives the same bytes, whatever the user's matplotlib settings."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from colocate.files import make_folder, remove_file, write_file

_DPI = 144
# Agg ends at 65536; a page of hundreds of columns gets fewer dots rather than none.
_MAX_SIDE_PX = 16000


def save_figures(folder: Path, figures: Iterable[tuple[str, Figure | None]]) -> tuple[Path, ...]:
    """Save each of `figures` under its name into `folder`, which is made, and return the files' paths.

    They are drawn one by one as they are asked for, in the house style. In place of None, a figure for which the run
    has no value, a file from an earlier report is removed. Raises OSError when a file cannot be written.
    """
    make_folder(folder)
    with _house_style():
        return tuple(path for name, figure in figures for path in _saved(folder / name, figure))


def _saved(stem: Path, figure: Figure | None) -> list[Path]:
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    if figure is None:
        remove_file(png)
        remove_file(svg)
        return []
    dpi = min(_DPI, int(_MAX_SIDE_PX / max(figure.get_size_inches())))
    return [
        write_file(png, _drawn(figure, format="png", dpi=dpi, metadata={"Software": None})),
        write_file(svg, _drawn(figure, format="svg", metadata={"Date": None, "Creator": None})),
    ]


def _drawn(figure: Figure, **options: Any) -> bytes:
    drawn = io.BytesIO()
    figure.savefig(drawn, **options)
    return drawn.getvalue()


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
