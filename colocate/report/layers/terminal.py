"""The layers of a network on a terminal, and what they add up to in words."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from colocate.report.layers.load import LayersReport
from colocate.report.layers.rows import share_of, value_of
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import Caption, machine_words
from colocate.report.text.labels import plain
from colocate.report.text.numbers import counted, mj_text, ms_text, signed_percent, three_digits
from colocate.report.text.tables import console
from colocate.study.layers import by_kind, grouped


def way_words(report: LayersReport, caption: Caption) -> list[str]:
    """How the network was run, as far as the caption of the run does not say so, and what its times suffer from."""
    inference = report.inference
    words = [plain(inference.backend), report.precision, f"batch {inference.batch}"]
    words += [warning.value for warning in report.warnings]
    return [word for word in words if word not in caption.circumstances]


def balance_words(report: LayersReport) -> str:
    """The sum of all layers against the whole, in time and where it is known in energy."""
    found = report.balance
    if found is None:
        return "Neither the layers nor the network have times that could be compared."
    words = (
        f"Layers add up to {ms_text(found.sum_s)} ms, the network takes {ms_text(found.whole_s)} ms (p50): "
        f"{signed_percent(found.difference_ratio)}"
    )
    layers_j = report.everything.energy_j
    if layers_j is None or report.whole_j is None:
        return f"{words}."
    whole_j = report.whole_j.value
    return (
        f"{words}. In energy above idle {mj_text(layers_j)} mJ of {mj_text(whole_j)} mJ: "
        f"{signed_percent(layers_j / whole_j - 1)}."
    )


def print_layers(report: LayersReport, run: LoadedRun) -> None:
    """Every layer and every kind, for a person."""
    out, inference = console(), report.inference
    name = f"{plain(inference.network)} {plain(inference.backend)} {report.precision} batch {inference.batch}"
    title = f"{name} on {machine_words(run.header.facts)}, {len(run.records)} of {run.header.planned} trials"
    energies = report.metered
    table = _table(title, "layer", energies)
    for layer in report.fused_layers:
        table.add_row(
            # What lies in a body is set in below what it lies in.
            Text(2 * len(layer.within) * " " + plain(layer.name)),
            by_kind(layer),
            *_numbers(value_of(layer.time_s), layer.flop, report),
            "" if layer.intensity_flop_per_byte is None else three_digits(layer.intensity_flop_per_byte),
            *([_energy(value_of(layer.energy_j))] if energies else []),
        )
    out.print(table)
    kinds = _table("By kind", "kind", energies)
    for group in (*grouped(report.fused_layers, by_kind), report.everything):
        kinds.add_row(
            group.name,
            counted(len(group.fused_layers), "fused layer"),
            *_numbers(group.time_s, group.flop, report),
            "",
            *([_energy(group.energy_j)] if energies else []),
        )
    out.print(kinds)
    for line in (balance_words(report), *report.notes):
        out.print(Text(line), soft_wrap=True)


def _table(title: str, first: str, energies: bool) -> Table:
    table = Table(title=Text(title), title_justify="left")
    table.add_column(first, overflow="fold")
    table.add_column("", no_wrap=True)
    for name in ("ms", "share", "GFLOP/s", "FLOP/B", *(["mJ"] if energies else [])):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _numbers(time_s: float | None, flop: int | None, report: LayersReport) -> tuple[str, str, str]:
    share = share_of(time_s, report)
    if time_s is None or share is None:
        return "", "", ""
    return ms_text(time_s), f"{100 * share:.1f} %", three_digits(flop / time_s / 1e9) if flop else ""


def _energy(energy_j: float | None) -> str:
    return "" if energy_j is None else mj_text(energy_j)
