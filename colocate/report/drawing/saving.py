"""Figures as PNG and SVG; the same run gives the same bytes, whatever the user's matplotlib settings."""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from colocate.files import make_folder, remove_file, write_file
from colocate.report.drawing.aside import Aside

_DPI = 144
# PNGs that are drawn at once.
_AT_ONCE = 2
# Half as long as at the library's level, to the same size: a page is white with some text.
_PACKING = {"compress_level": 3}
# Agg ends at 65536; a page of hundreds of columns gets fewer dots rather than none.
_MAX_SIDE_PX = 16000


def one_page(figure: Figure | None) -> list[Figure]:
    """The pages of a figure that needs one; none where the run has no value for it."""
    return [] if figure is None else [figure]


def save_figures(folder: Path, figures: Iterable[tuple[str, Sequence[Figure]]]) -> tuple[Path, ...]:
    """Save the pages of each of `figures` under its name into `folder`, which is made, and return the files' paths.

    The first page has the name of the figure, the second that and `+2`. They are drawn one by one as they are asked
    for, in the house style. Pages of an earlier report that this one does not have are removed. Raises OSError when a
    file cannot be written.
    """
    make_folder(folder)
    paths: list[Path] = []
    with _house_style(), contextlib.closing(_Drawing()) as drawing:
        for name, pages in figures:
            for number, page in enumerate(pages):
                files = _files(folder, name, number)
                drawing.draw(files, page)
                paths += files
            _remove_further(folder, name, len(pages))
        drawing.finish()
    return tuple(paths)


def _remove_further(folder: Path, name: str, number: int) -> None:
    """Remove the pages from this one on, which an earlier report left."""
    while any(path.exists() for path in _files(folder, name, number)):
        for path in _files(folder, name, number):
            remove_file(path)
        number += 1


def _files(folder: Path, name: str, number: int) -> tuple[Path, Path]:
    """The PNG and the SVG of one page."""
    # No name of a figure has a plus, though networks may be called `own` and `own-2`.
    page = f"{name}+{number + 1}" if number else name
    return folder / f"{page}.png", folder / f"{page}.svg"


class _Drawing:
    """Draws pages one by one. Other processes draw their PNGs while this one draws the SVG, and lays out the next
    page: a PNG takes as long as both.
    """

    def __init__(self) -> None:
        self._pngs: deque[tuple[Path, Aside]] = deque()

    def draw(self, files: tuple[Path, Path], figure: Figure) -> None:
        """Write the SVG, and begin the PNG."""
        if len(self._pngs) == _AT_ONCE:
            self._finish_first()
        png, svg = files
        dpi = min(_DPI, int(_MAX_SIDE_PX / max(figure.get_size_inches())))
        options = {"format": "png", "dpi": dpi, "metadata": {"Software": None}, "pil_kwargs": _PACKING}
        self._pngs.append((png, Aside(functools.partial(_drawn, figure, **options))))
        write_file(svg, _drawn(figure, format="svg", metadata={"Date": None, "Creator": None}))

    def finish(self) -> None:
        """Write the PNGs that are still drawn."""
        while self._pngs:
            self._finish_first()

    def _finish_first(self) -> None:
        path, aside = self._pngs[0]
        write_file(path, aside.result())
        self._pngs.popleft()

    def close(self) -> None:
        """Leave what is still drawn."""
        for _, aside in self._pngs:
            aside.close()


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
