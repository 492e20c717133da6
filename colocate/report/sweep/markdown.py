"""A sweep as a page of Markdown, report.md: the verdicts where there are limits, and every cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.quality import QualityFlag
from colocate.report.advise.markdown import advice_markdown
from colocate.report.advise.words import afterwards
from colocate.report.fleet.shown import fleet_markdown
from colocate.report.run_report import LoadedRun
from colocate.report.sweep.load import SweepReport
from colocate.report.text.captions import contention_words, planned_trials
from colocate.report.text.causes import cause_lines
from colocate.report.text.designs import design_sentences
from colocate.report.text.labels import beside_words, clocks_column, inferences_of, network_words, tasks_of
from colocate.report.text.numbers import NOT_SIGNIFICANT, ms_text, percent_text, ratio_texts, three_digits
from colocate.report.text.settings import markdown_head
from colocate.report.text.tables import escaped, markdown_table, warning_numbers

COLUMNS = (
    "network", "beside", "placement", "CPU/GPU MHz", "p50, ms", "p95, ms", "slowdown p50", "slowdown p95",
    "slowdown mean", "power, W", "work lost", "warnings",
)  # fmt: skip


def sweep_markdown(report: SweepReport, run: LoadedRun) -> str:
    """Return report.md, which shows every name exactly as it is."""
    header, planned = run.header, planned_trials(run.header, run.records)
    lines = markdown_head(run.folder, header.facts, len(run.records), planned)
    lines += [f"Open {' or '.join(first_files(report, run))} first.", ""]
    if report.advice is not None:
        lines += [advice_markdown(report.advice), ""]
    if report.fleet is not None:
        lines += fleet_markdown(report.fleet, run)
    warnings = warning_numbers(warning for cell in run.cells for warning in _warnings(cell))
    lines += ["## Cells", "", *markdown_table(COLUMNS, _rows(run, warnings)), ""]
    lines += [
        "Slowdown is latency beside the task over latency alone, with its 95 % interval; "
        f"{NOT_SIGNIFICANT} = not significant.",
        "",
    ]
    said = [*cause_lines(run.cells), *design_sentences(header, run.cells, run.records)]
    said += filter(None, [contention_words(header)])
    above = () if report.advice is None else afterwards(report.advice)
    lines += [f"- {escaped(sentence)}" for sentence in said if sentence not in above]
    lines += [f"- {escaped(f'{number} {warning.value}: {warning.remedy}')}" for warning, number in warnings.items()]
    return "\n".join(lines).rstrip()


def first_files(report: SweepReport, run: LoadedRun) -> tuple[str, ...]:
    """The files to open first: the page, and the most informative figure if there is one."""
    if report.advice is not None and report.advice.advice.rulings:
        return "report.html", "figures/verdicts.png"
    known = any(cell.slowdown("mean") is not None for cell in run.cells)
    return ("report.html", "figures/heatmap-slowdown-mean.png") if known else ("report.html",)


def _rows(run: LoadedRun, warnings: Mapping[QualityFlag, str]) -> Iterable[tuple[str, ...]]:
    inferences, tasks = inferences_of(run.cells), tasks_of(run.cells)
    for cell in run.cells:
        alone, loss = cell.task == SOLO, cell.work_loss_ratio
        yield (
            network_words(cell.inference, inferences),
            "alone" if alone else beside_words(cell, tasks),
            cell.placement,
            clocks_column(cell.clocks),
            "" if cell.p50_s is None else ms_text(cell.p50_s),
            "" if cell.p95_s is None else ms_text(cell.p95_s),
            *("" if alone else _interval_words(cell.slowdown(statistic)) for statistic in ("p50", "p95", "mean")),
            "" if cell.power_w is None else three_digits(cell.power_w),
            "" if alone or loss is None else percent_text(loss.value),
            " ".join(warnings[warning] for warning in _warnings(cell)),
        )


def _warnings(cell: Cell) -> list[QualityFlag]:
    """The warnings of a row, without those on the p99, which has no column."""
    return [warning for warning in cell.warnings if warning is not QualityFlag.TOO_FEW_FOR_P99]


def _interval_words(interval: Interval | None) -> str:
    if interval is None:
        return ""
    if interval.lo is None or interval.hi is None:
        return ratio_texts((interval.value,))[0]
    value, lo, hi = ratio_texts((interval.value, interval.lo, interval.hi), least=3)
    mark = "" if interval.excludes(1.0) else f" {NOT_SIGNIFICANT}"
    return f"{value} [{lo}, {hi}]{mark}"
