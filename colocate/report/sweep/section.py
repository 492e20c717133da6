"""How a sweep is shown: its files, figures, terminal output, JSON and Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from colocate.files import remove_file
from colocate.report.advise.to_json import advice_json
from colocate.report.advise.verdicts_file import write_verdicts
from colocate.report.drawing.saving import Pages, one_page
from colocate.report.fleet.shown import write_fleet
from colocate.report.page.render import write_page
from colocate.report.run_report import LoadedRun
from colocate.report.sections import Section
from colocate.report.sweep.distributions import draw_distributions
from colocate.report.sweep.heatmap import draw_boards, draw_containments, draw_heatmap
from colocate.report.sweep.load import SweepReport, load
from colocate.report.sweep.markdown import first_files, sweep_markdown
from colocate.report.sweep.metrics import METRICS, Metric, containment_metrics, latency_metric
from colocate.report.sweep.terminal import print_sweep
from colocate.report.sweep.verdict_map import draw_verdicts
from colocate.report.text.captions import Caption
from colocate.report.tx1.founding import draw_founding_study

_OF_ADVICE = ("model", "counts", "answer", "answers", "verdicts")


def _files(report: SweepReport, run: LoadedRun) -> Iterator[Path]:
    yield write_page(run, report.bounds_of(run))
    verdicts = run.folder / "verdicts.csv"
    if report.advice is None:
        # Those of other limits would pass for this report's.
        remove_file(verdicts)
    else:
        yield write_verdicts(report.advice, verdicts)
    yield from write_fleet(report.fleet, run)


def _figures(report: SweepReport, run: LoadedRun, caption: Caption) -> Iterator[tuple[str, Pages]]:
    judged, limits = report.advice, run.limits
    yield "verdicts", lambda: draw_verdicts(judged.advice.rulings, limits, caption) if judged and limits else []
    for metric in (*METRICS, latency_metric(run.evidence, limits.percentile if limits else "p95")):
        yield f"heatmap-{metric.name}", partial(draw_heatmap, metric, run.cells, _caption(metric, caption))
    for metric in containment_metrics(run.evidence):
        yield f"containment-{metric.name}", partial(draw_containments, metric, run.cells, _caption(metric, caption))
    boards = report.fleet.boards if report.fleet else {}
    for metric in METRICS:
        yield f"boards-{metric.name}", partial(draw_boards, metric, boards, _caption(metric, caption))
    best = next((choice.cell for choice in (judged.advice.recommended if judged else ())), None)
    yield "distributions", partial(draw_distributions, run.cells, run.records, caption, best, limits)
    study = partial(draw_founding_study, run.cells, run.records, caption, run.header.networks)
    yield "founding-study", lambda: one_page(study())


def _caption(metric: Metric, caption: Caption) -> Caption:
    return caption.of_steady_windows if metric.metered else caption


def _json(report: SweepReport, run: LoadedRun) -> Mapping[str, Any]:
    limits, advice = run.limits, report.advice
    judged = {} if advice is None else advice_json(advice, run.folder)
    # Under the names that they have in `advise --json`.
    return {"limits": limits and dataclasses.asdict(limits), **{key: judged.get(key) for key in _OF_ADVICE}}


SECTION = Section(load, _files, _figures, print_sweep, _json, sweep_markdown, first_files)
