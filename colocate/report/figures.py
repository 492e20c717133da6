"""The figures of a run as PNG and SVG; the same run gives the same bytes, whatever the user's matplotlib settings."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from colocate.report.distributions import draw_distributions
from colocate.report.efficiency import EfficiencyReport
from colocate.report.efficiency_figure import draw_efficiency
from colocate.report.founding import draw_founding_study
from colocate.report.heatmap import draw_heatmap
from colocate.report.labels import caption_of, file_stems
from colocate.report.layers import LayersReport
from colocate.report.layers_figure import draw_layers
from colocate.report.metrics import METRICS
from colocate.report.roofline import draw_roofline
from colocate.report.validation import checks_of, constants_of, draw_validation
from colocate.store import Header
from colocate.study.model import Cell, TrialRecord

_DPI = 144
# Agg ends at 65536; a page of hundreds of columns gets fewer dots rather than none.
_MAX_SIDE_PX = 16000


def write_figures(
    folder: Path,
    header: Header,
    cells: Sequence[Cell],
    records: Sequence[TrialRecord],
    efficiency: EfficiencyReport | None = None,
    layers: LayersReport | None = None,
) -> tuple[Path, ...]:
    """Draw the figures of a run into `folder`, which is made, and return the files' paths.

    A figure for which the run has no value is not drawn, and its file from an earlier report is removed.
    Raises OSError when a file cannot be written, StoreError where the header is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    caption = caption_of(header, cells, records)
    written: list[Path] = []
    with _house_style():
        # The other figures compare tasks, which a run with a purpose of its own has none of.
        if efficiency is not None:
            stems = file_stems([found.network for found in efficiency.trade_offs])
            for found in efficiency.trade_offs:
                figure = draw_efficiency(found, efficiency, caption)
                written += _saved(folder / f"efficiency-{stems[found.network]}", figure)
        elif layers is not None:
            written += _saved(folder / "layers", draw_layers(layers, caption))
            written += _saved(folder / "roofline", draw_roofline(layers, caption))
        else:
            for metric in METRICS:
                written += _saved(folder / f"heatmap-{metric.name}", draw_heatmap(metric, cells, caption))
            written += _saved(folder / "distributions", draw_distributions(cells, records, caption))
            written += _saved(
                folder / "founding-study", draw_founding_study(cells, records, caption, header.networks)
            )
        written += _saved(folder / "validation", draw_validation(checks_of(header), constants_of(header), caption))
    return tuple(written)


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
        # A name in a script that DejaVu Sans lacks shows as boxes in the PNG and in full in the SVG.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from ", category=UserWarning)
        yield
