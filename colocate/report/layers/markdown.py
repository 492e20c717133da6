"""A run of `colocate layers` as a page of Markdown, report.md."""

from __future__ import annotations

from collections.abc import Iterable

from colocate.report.layers.load import LayersReport
from colocate.report.layers.rows import share_of, value_of
from colocate.report.layers.terminal import balance_words
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import machine_words
from colocate.report.text.labels import plain
from colocate.report.text.numbers import counted, mj_text, ms_text
from colocate.report.text.tables import escaped, markdown_table
from colocate.study.layers import by_kind, grouped

KINDS = ("kind", "fused layers", "ms", "share", "mJ")
LAYERS = ("layer", "kind", "ms", "share", "mJ")


def layers_markdown(report: LayersReport, run: LoadedRun) -> str:
    """Every kind and every layer, as a page of Markdown."""
    inference = report.inference
    way = f"{plain(inference.backend)} {report.precision} batch {inference.batch}"
    trials = f"{len(run.records)} of {counted(run.header.planned, 'trial')}"
    lines = [
        f"# Layers of {escaped(plain(inference.network))}",
        "",
        escaped(f"{way} on {machine_words(run.header.facts)}, {trials}."),
        "",
        escaped(balance_words(report)),
        "",
        *markdown_table(KINDS, _kinds(report)),
        "",
        *markdown_table(LAYERS, _layers(report)),
    ]
    if report.notes:
        lines += ["", *(f"- {escaped(note)}" for note in report.notes)]
    return "\n".join(lines)


def _kinds(report: LayersReport) -> Iterable[tuple[str, ...]]:
    for group in (*grouped(report.fused_layers, by_kind), report.everything):
        yield group.name, str(len(group.fused_layers)), *_numbers(group.time_s, group.energy_j, report)


def _layers(report: LayersReport) -> Iterable[tuple[str, ...]]:
    for layer in report.fused_layers:
        numbers = _numbers(value_of(layer.time_s), value_of(layer.energy_j), report)
        yield plain(layer.name), by_kind(layer), *numbers


def _numbers(time_s: float | None, energy_j: float | None, report: LayersReport) -> tuple[str, str, str]:
    share = share_of(time_s, report)
    return (
        "" if time_s is None else ms_text(time_s),
        "" if share is None else f"{100 * share:.1f} %",
        "" if energy_j is None else mj_text(energy_j),
    )
