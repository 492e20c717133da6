"""How a sweep is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from colocate.report.page.render import write_page
from colocate.report.run_report import LoadedRun
from colocate.report.sections import Section, refuse_aim
from colocate.report.sweep.distributions import draw_distributions
from colocate.report.sweep.heatmap import draw_containments, draw_heatmap
from colocate.report.sweep.metrics import METRICS, Metric, containment_metrics
from colocate.report.sweep.terminal import print_sweep
from colocate.report.text.captions import Caption
from colocate.report.tx1.founding import draw_founding_study


def _load(run: LoadedRun, changes: Mapping[str, Any]) -> LoadedRun:
    refuse_aim(changes)
    return run


def _files(_: LoadedRun, run: LoadedRun) -> Iterator[Path]:
    yield write_page(run)


def _figures(_: LoadedRun, run: LoadedRun, caption: Caption) -> Iterator[tuple[str, Figure | None]]:
    for metric in METRICS:
        yield f"heatmap-{metric.name}", draw_heatmap(metric, run.cells, _caption(metric, caption))
    for metric in containment_metrics(run.evidence):
        yield f"containment-{metric.name}", draw_containments(metric, run.cells, _caption(metric, caption))
    yield "distributions", draw_distributions(run.cells, run.records, caption)
    yield "founding-study", draw_founding_study(run.cells, run.records, caption, run.header.networks)


def _caption(metric: Metric, caption: Caption) -> Caption:
    return caption.of_steady_windows if metric.metered else caption


def _print(_: LoadedRun, run: LoadedRun) -> None:
    print_sweep(run)


def _json(_: LoadedRun, run: LoadedRun) -> Mapping[str, Any]:
    return {}


SECTION = Section(_load, _files, _figures, _print, _json)
