"""Print the layers of a network on a terminal, and say in words what they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from colocate.report.layers.load import LayersReport
from colocate.report.layers.rows import share_of, value_of
from colocate.report.run_report import LoadedRun
from colocate.report.text.captions import Caption, machine_words
from colocate.report.text.labels import plain
from colocate.report.text.numbers import column_texts, mj_text, ms_text, signed_percent
from colocate.report.text.tables import console, print_rows
from colocate.study.layers import by_kind, grouped

# Columns by name, and whether their text may be broken into lines.
LAYER_COLUMNS = {
    "layer": True,
    "kind": False,
    "ms": False,
    "share": False,
    "GFLOP/s": False,
    "FLOP/B": False,
    "mJ": False,
}
KIND_COLUMNS = {"kind": False, "fused layers": False, "ms": False, "share": False, "GFLOP/s": False, "mJ": False}
# Shown even if all rows are the same.
KEPT = ("layer", "kind")
# Left out first where the terminal is too narrow.
SPARE = ("FLOP/B", "GFLOP/s")


def way_words(report: LayersReport, caption: Caption) -> list[str]:
    """The backend, precision, batch and warnings of a run, without those that its `caption` has."""
    inference = report.inference
    words = [plain(inference.backend), report.precision, f"batch {inference.batch}"]
    words += [warning.value for warning in report.warnings]
    return [word for word in words if word not in caption.circumstances]


def balance_words(report: LayersReport) -> str:
    """The sum of all layers against the whole network, in time, and in energy if that is known."""
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
        f"{words}. Energy above idle: layers {mj_text(layers_j)} mJ, network {mj_text(whole_j)} mJ: "
        f"{signed_percent(layers_j / whole_j - 1)}."
    )


def print_layers(report: LayersReport, run: LoadedRun) -> None:
    """Print a table of all layers, and one of all kinds."""
    out, inference = console(), report.inference
    name = f"{plain(inference.network)} {plain(inference.backend)} {report.precision} batch {inference.batch}"
    trials = f"{len(run.records)} of {run.header.planned} trials"
    out.print(Text(f"{name} on {machine_words(run.header.facts)}; {trials}"))
    out.print()
    for heading, columns, rows in (
        ("By layer.", LAYER_COLUMNS, _layer_rows(report)),
        ("By kind.", KIND_COLUMNS, _kind_rows(report)),
    ):
        print_rows(out, heading, columns, rows, [""] * len(rows), keep=KEPT, spare=SPARE)
    for line in (balance_words(report), *report.notes):
        out.print(Text(line))


def _layer_rows(report: LayersReport) -> Sequence[tuple[str, ...]]:
    layers = report.fused_layers
    numbers = _numbers([(value_of(layer.time_s), layer.flop, value_of(layer.energy_j)) for layer in layers], report)
    intensities = [layer.intensity_flop_per_byte for layer in layers]
    return [
        # A layer in the body of another one is indented below it.
        (2 * len(layer.within) * " " + plain(layer.name), by_kind(layer), *times, intensity, energy)
        for layer, (*times, energy), intensity in zip(layers, numbers, column_texts(intensities), strict=True)
    ]


def _kind_rows(report: LayersReport) -> Sequence[tuple[str, ...]]:
    groups = (*grouped(report.fused_layers, by_kind), report.everything)
    numbers = _numbers([(group.time_s, group.flop, group.energy_j) for group in groups], report)
    return [(group.name, str(len(group.fused_layers)), *row) for group, row in zip(groups, numbers, strict=True)]


def _numbers(
    found: Sequence[tuple[float | None, int | None, float | None]], report: LayersReport
) -> Iterable[tuple[str, ...]]:
    """Time in s, FLOP and energy in J as texts: ms, share of the time, GFLOP/s and mJ."""
    times_s, _, energies_j = zip(*found, strict=True)
    shares = [share_of(time_s, report) for time_s in times_s]
    rates = [flop / time_s / 1e9 if time_s and flop else None for time_s, flop, _ in found]
    return zip(
        column_texts(times_s, 1e3),
        ["" if share is None else f"{100 * share:.1f} %" for share in shares],
        column_texts(rates),
        column_texts(energies_j, 1e3),
        strict=True,
    )
