"""Save figures as PNG and SVG; the same run gives the same bytes, whatever the user's matplotlib settings."""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from colocate.files import make_folder, remove_file, write_file
from colocate.report.drawing.shared_work import SharedWork

_DPI = 144
# Takes half as long as the library's own level, for the same size: a page is white with some text.
_PACKING = 3
# Agg ends at 65536; a page of hundreds of columns gets fewer dots rather than none.
_MAX_SIDE_PX = 16000

Pages = Callable[[], Sequence[Figure]]
"""Draws the pages of a figure; there are none if the run has no value for it."""


def one_page(figure: Figure | None) -> list[Figure]:
    """The one page of a figure; empty if `figure` is None."""
    return [] if figure is None else [figure]


class Drawing:
    """Draws the pages of the named `figures` in several processes, which begin at once.

    The first page is saved under the name of the figure, the second under that name and `+2`.
    """

    def __init__(self, figures: Iterable[tuple[str, Pages]]) -> None:
        self._figures = tuple(figures)
        self._work = SharedWork([functools.partial(_drawn, pages) for _, pages in self._figures])

    def save(self, folder: Path) -> tuple[Path, ...]:
        """Write all pages into `folder`, which is made if needed, and return the paths of the files.

        Pages that only an earlier report had are removed. Raises OSError if a file cannot be written.
        """
        make_folder(folder)
        paths: list[Path] = []
        for (name, _), pages in zip(self._figures, self._work.results(), strict=True):
            for number, page in enumerate(pages):
                paths += map(write_file, _files(folder, name, number), page)
            _remove_further(folder, name, len(pages))
        return tuple(paths)

    def close(self) -> None:
        """End the processes that still draw."""
        self._work.close()


def _remove_further(folder: Path, name: str, number: int) -> None:
    """Remove page `number` (the first is 0) and all later pages, which an earlier report left."""
    while any(path.exists() for path in _files(folder, name, number)):
        for path in _files(folder, name, number):
            remove_file(path)
        number += 1


def _files(folder: Path, name: str, number: int) -> tuple[Path, Path]:
    """The paths of the PNG and the SVG of page `number`; the first is 0."""
    # No name of a figure has a plus, though networks may be called `own` and `own-2`.
    page = f"{name}+{number + 1}" if number else name
    return folder / f"{page}.png", folder / f"{page}.svg"


def _drawn(pages: Pages) -> list[tuple[bytes, bytes]]:
    with _house_style():
        return [(_png(page), _svg(page)) for page in pages()]


def _png(figure: Figure) -> bytes:
    """The bytes of a PNG without an alpha channel, which a page does not need and which costs time and bytes."""
    dpi = min(_DPI, int(_MAX_SIDE_PX / max(figure.get_size_inches())))
    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = Image.fromarray(np.asarray(canvas.buffer_rgba()))  # type: ignore[no-untyped-call]
    content = io.BytesIO()
    pixels.convert("RGB").save(content, "PNG", dpi=(dpi, dpi), compress_level=_PACKING)
    return content.getvalue()


def _svg(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None, "Creator": None})
    return content.getvalue()


@contextlib.contextmanager
def _house_style() -> Iterator[None]:
    """Give matplotlib its own defaults and colocate's on top, whatever the user has set."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        # Names come from users: a `$` in one is a dollar sign. Text stays text: searchable, and small.
        # Unhinted it is as wide as pages are laid out for, and drawn in two thirds of the time.
        matplotlib.rc("text", parse_math=False, hinting="no_hinting")
        matplotlib.rc("svg", fonttype="none", hashsalt="colocate")
        matplotlib.rc("hatch", linewidth=0.6)
        # A name in a script that DejaVu Sans does not have shows as boxes in the PNG and in full in the SVG.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from ", category=UserWarning)
        yield
