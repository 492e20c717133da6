"""How runs of `colocate layers` are shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from colocate.report.drawing.saving import Pages, one_page
from colocate.report.layers.figure import draw_layers
from colocate.report.layers.load import LayersReport, load
from colocate.report.layers.markdown import layers_markdown
from colocate.report.layers.roofline import draw_roofline
from colocate.report.layers.rows import group_rows, layer_row, layers_json
from colocate.report.layers.terminal import print_layers
from colocate.report.run_report import LoadedRun
from colocate.report.sections import Section
from colocate.report.text.captions import Caption
from colocate.report.text.tables import write_rows


def _files(report: LayersReport, run: LoadedRun) -> Iterator[Path]:
    layers, groups = run.folder / "layers.csv", run.folder / "layer-groups.csv"
    write_rows(layers, [layer_row(layer, report) for layer in report.fused_layers])
    write_rows(groups, group_rows(report))
    yield from (layers, groups)


def _figures(report: LayersReport, run: LoadedRun, caption: Caption) -> Iterator[tuple[str, Pages]]:
    # The caption has the precision that the study asked for; the file of the network may have another.
    asked = report.inference.precision
    own = tuple(report.precision if word == asked else word for word in caption.circumstances)
    caption = dataclasses.replace(caption, circumstances=own)
    yield "layers", lambda: one_page(draw_layers(report, caption))
    yield "roofline", lambda: one_page(draw_roofline(report, caption))


def _json(report: LayersReport, run: LoadedRun) -> Mapping[str, Any]:
    return layers_json(report)


SECTION = Section(load, _files, _figures, print_layers, _json, layers_markdown)
