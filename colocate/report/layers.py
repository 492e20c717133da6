"""What a run of `colocate layers` shows: time and energy of every block, their sum against the whole network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from rich.table import Table
from rich.text import Text

from colocate.errors import StoreError
from colocate.report.labels import Caption, machine_words, plain, three_digits
from colocate.report.tables import Value, console, interval_columns
from colocate.store import Header
from colocate.study.layers import (
    RESOLVED_RATIO,
    Anatomy,
    Balance,
    Block,
    Ceilings,
    Group,
    allowing_for_idle,
    balance,
    by_kind,
    by_module,
    difference,
    energy_j,
    grouped,
    resolved,
    timed,
)
from colocate.study.model import Doubt, Inference, Interval, TrialRecord
from colocate.study.stats import geometric_mean, sample_quantile
from colocate.study.windows import energies_j


@dataclass(frozen=True, slots=True)
class LayersReport:
    """`blocks` in the order in which they run; `notes` say where numbers come from and why some are not there.

    `modelled` ceilings are the rig's own, the others were measured in the run.
    """

    inference: Inference
    blocks: tuple[Block, ...]
    whole_s: Interval | None
    whole_j: Interval | None
    ceilings: Ceilings | None
    notes: tuple[str, ...]
    modelled: bool = False

    @property
    def everything(self) -> Group:
        """All blocks together."""
        return Group("all layers", self.blocks)

    @property
    def metered(self) -> bool:
        """Whether the energy of any block is known."""
        return any(block.energy_j is not None for block in self.blocks)

    @property
    def balance(self) -> Balance | None:
        """The sum of all times against the whole network's p50."""
        return None if self.whole_s is None else balance(self.blocks, self.whole_s.value)


@dataclass(frozen=True, slots=True)
class _Purpose:
    """The header's, as `colocate layers` writes it."""

    inference: Inference
    anatomy: Anatomy
    pieces: Mapping[str, int]
    ceilings: Mapping[str, Mapping[str, Any]]
    command: str = "layers"


_purpose = TypeAdapter(_Purpose)


def layers_of(header: Header, records: Sequence[TrialRecord]) -> LayersReport | None:
    """None for a run of another command. Raises StoreError where the header is damaged."""
    if header.purpose.get("command") != "layers":
        return None
    try:
        purpose = _purpose.validate_python(header.purpose)
    except ValidationError as error:
        raise StoreError(f"the run is damaged: {error.errors()[0]['msg']}") from error
    own = [record for record in records if record.trial.inference == purpose.inference]
    idle = [record for record in records if record.trial.inference is None]
    by_network: dict[str, list[TrialRecord]] = {}
    for record in records:
        if record.trial.inference is not None:
            by_network.setdefault(record.trial.inference.network, []).append(record)
    blocks = list(timed(purpose.anatomy.blocks, [record.profile for record in own if record.profile]))
    start_s = _starting_s(purpose, by_network)
    above_w = {
        path: above
        for path in (purpose.inference.network, *purpose.pieces)
        if (above := difference(_powers_w(by_network.get(path, [])), _powers_w(idle))) is not None
    }
    above_w = dict(zip(above_w, allowing_for_idle([*above_w.values()]), strict=True))
    for path, index in purpose.pieces.items():
        blocks[index] = _looked_at(
            blocks[index], by_network.get(path, []), above_w.get(path), start_s, timed=purpose.anatomy.timed
        )
    whole_s = _mean([_p50_s(record) for record in own])
    whole_w = above_w.get(purpose.inference.network)
    return LayersReport(
        inference=purpose.inference,
        blocks=tuple(blocks),
        whole_s=whole_s,
        whole_j=None if whole_w is None or whole_s is None else energy_j(whole_w, whole_s),
        ceilings=purpose.anatomy.ceilings or _ceilings(purpose, by_network),
        notes=(*_notes(purpose, header, blocks, sorted(_powers_w(idle).values())), *_doubts(own)),
        modelled=purpose.anatomy.ceilings is not None,
    )


def _looked_at(
    block: Block,
    pieces: Sequence[TrialRecord],
    above_w: Interval | None,
    start_s: Mapping[int, float],
    *,
    timed: bool,
) -> Block:
    """`block` with what the windows of its piece show: power, energy, and time where no profile gives it."""
    period_s = _mean([record.elapsed_s / len(record.latencies_s) for record in pieces])
    energy = None if above_w is None or period_s is None else energy_j(above_w, period_s)
    time_s = block.time_s
    if block.alone:
        time_s = _mean([_p50_s(record) for record in pieces])
    elif not timed:
        left_s = [_p50_s(record) - start_s.get(record.trial.round, 0.0) for record in pieces]
        time_s = _mean(left_s) if all(each_s > 0 for each_s in left_s) else None
    return dataclasses.replace(block, time_s=time_s, power_w=above_w, energy_j=energy)


def _starting_s(purpose: _Purpose, by_network: Mapping[str, Sequence[TrialRecord]]) -> Mapping[int, float]:
    """What an inference of nothing takes, by round."""
    return {
        record.trial.round: _p50_s(record)
        for path, probe in purpose.ceilings.items()
        if probe["quantity"] == "nothing"
        for record in by_network.get(path, [])
    }


def _ceilings(purpose: _Purpose, by_network: Mapping[str, Sequence[TrialRecord]]) -> Ceilings | None:
    rates: dict[str, float] = {}
    for path, probe in purpose.ceilings.items():
        times_s = [
            float(np.min(record.latencies_s if record.device_s is None else record.device_s))
            for record in by_network.get(path, [])
        ]
        if times_s and probe["amount"]:
            # The machine at its best: the quickest inference of all.
            rates[probe["quantity"]] = probe["amount"] / min(times_s)
    return Ceilings(rates["flop"], rates["bytes"]) if len(rates) == 2 else None


def _notes(purpose: _Purpose, header: Header, blocks: Sequence[Block], idle_w: Sequence[float]) -> Iterable[str]:
    if not purpose.anatomy.timed:
        yield (
            f"The profile of {purpose.inference.backend} tells when kernels are launched, not how long they run: "
            "times are of each block run by itself, less that of a network that does nothing."
        )
    if any(block.alone for block in blocks):
        yield "Launch, input and output: the time of a network of the same input and output and nothing between them."
    if not header.facts.rails:
        yield "No energies: this machine has no meter of power."
    elif not purpose.anatomy.metered:
        unresolved = sum(block.power_w is not None and block.energy_j is None for block in blocks)
        drawn = " to ".join(dict.fromkeys(three_digits(watts) for watts in (*idle_w[:1], *idle_w[-1:])))
        idle = f" ({drawn} W in this run)" if drawn else ""
        yield (
            f"Energy: power above idle{idle} of each block run by itself in a loop, times the time of a turn; "
            f"told where that power is known to {100 * RESOLVED_RATIO:.0f} %"
            + (f", which it is not of {unresolved} blocks." if unresolved else ".")
        )


def _doubts(windows: Sequence[TrialRecord]) -> Iterable[str]:
    """What casts doubt on the windows of the whole network, and so on the profiles taken after them."""
    met = {doubt for record in windows for doubt in record.doubts}
    return (f"{doubt.value.capitalize()}: {doubt.remedy}." for doubt in Doubt if doubt in met)


def _powers_w(records: Iterable[TrialRecord]) -> Mapping[int, float]:
    """Mean power of the board in each round's window."""
    energies = ((record, energies_j(record)[0]) for record in records)
    return {record.trial.round: joules / record.elapsed_s for record, joules in energies if joules is not None}


def _p50_s(record: TrialRecord) -> float:
    return sample_quantile(record.latencies_s, 0.5)


def _mean(values: Sequence[float]) -> Interval | None:
    return geometric_mean(np.array(values)) if values else None


def doubts_of(block: Block) -> tuple[Doubt, ...]:
    """Why a block's energy is not told."""
    return (Doubt.ENERGY_UNRESOLVED,) if block.power_w is not None and not resolved(block.power_w) else ()


def way_words(report: LayersReport, caption: Caption) -> list[str]:
    """How the network was run, as far as the caption of the run does not say so."""
    inference = report.inference
    words = [plain(inference.backend), plain(inference.precision), f"batch {inference.batch}"]
    return [word for word in words if word not in caption.circumstances]


def block_row(block: Block, report: LayersReport) -> Mapping[str, Value]:
    """One block under the columns of layers.csv; absent is None."""
    return {
        "name": block.name,
        "kind": block.kind,
        "group": by_kind(block),
        "module": block.module,
        "layers": ";".join(block.layers),
        "flop": block.flop,
        "moved_bytes": block.moved_bytes,
        **interval_columns("time_s", block.time_s),
        "time_share": _share(_value(block.time_s), report),
        "intensity_flop_per_byte": block.intensity_flop_per_byte,
        "flop_per_s": block.flop_per_s,
        **interval_columns("power_above_idle_w", block.power_w),
        **interval_columns("energy_j", block.energy_j),
        "doubts": ";".join(doubt.value for doubt in doubts_of(block)),
    }


def group_rows(report: LayersReport) -> list[Mapping[str, Value]]:
    """Every kind, every module, all layers together, and the whole network run without a profile."""
    groups = [("kind", group) for group in grouped(report.blocks, by_kind)]
    groups += [("module", group) for group in grouped(report.blocks, by_module)]
    groups.append(("sum", report.everything))
    rows: list[Mapping[str, Value]] = [
        {
            "grouping": grouping,
            "name": group.name,
            "blocks": len(group.blocks),
            "time_s": group.time_s,
            "time_share": _share(group.time_s, report),
            "energy_j": group.energy_j,
            "flop": group.flop,
            "moved_bytes": group.moved_bytes,
        }
        for grouping, group in groups
    ]
    whole: Mapping[str, Value] = {
        "grouping": "whole",
        "name": report.inference.network,
        "time_s": _value(report.whole_s),
        "energy_j": _value(report.whole_j),
    }
    return [*rows, {key: whole.get(key) for key in rows[0]}]


def _value(interval: Interval | None) -> float | None:
    return None if interval is None else interval.value


def _share(time_s: float | None, report: LayersReport) -> float | None:
    everything_s = report.everything.time_s
    return None if time_s is None or not everything_s else time_s / everything_s


def balance_words(report: LayersReport) -> str:
    """The sum of all layers against the whole, in time and where it is known in energy."""
    found = report.balance
    if found is None:
        return "Neither the layers nor the network have times that could be compared."
    words = (
        f"Layers add up to {_ms(found.sum_s)} ms, the network takes {_ms(found.whole_s)} ms (p50): "
        f"{_percent(found.difference_ratio)}"
    )
    layers_j = report.everything.energy_j
    if layers_j is None or report.whole_j is None:
        return f"{words}."
    whole_j = report.whole_j.value
    return (
        f"{words}. In energy above idle {three_digits(1e3 * layers_j)} mJ of {three_digits(1e3 * whole_j)} mJ: "
        f"{_percent(layers_j / whole_j - 1)}."
    )


def layers_json(report: LayersReport) -> Mapping[str, Any]:
    """For `--json`."""
    found = report.balance
    return {
        "layers": [block_row(block, report) for block in report.blocks],
        "groups": group_rows(report),
        "difference_ratio": None if found is None else found.difference_ratio,
        "ceilings": None if report.ceilings is None else dataclasses.asdict(report.ceilings),
        "notes": list(report.notes),
    }


def print_layers(report: LayersReport, header: Header, done: int) -> None:
    """Every block and every kind, for a person."""
    out, inference = console(), report.inference
    name = f"{plain(inference.network)} {plain(inference.backend)} {inference.precision} batch {inference.batch}"
    title = f"{name} on {machine_words(header.facts)}, {done} of {header.planned} trials"
    energies = report.metered
    table = _table(title, "block", energies)
    for block in report.blocks:
        table.add_row(
            Text(plain(block.name)),
            by_kind(block),
            *_numbers(_value(block.time_s), block.flop, report),
            "" if block.intensity_flop_per_byte is None else three_digits(block.intensity_flop_per_byte),
            *([_mj(_value(block.energy_j))] if energies else []),
        )
    out.print(table)
    kinds = _table("By kind", "kind", energies)
    for group in (*grouped(report.blocks, by_kind), report.everything):
        kinds.add_row(
            group.name,
            f"{len(group.blocks)} blocks",
            *_numbers(group.time_s, group.flop, report),
            "",
            *([_mj(group.energy_j)] if energies else []),
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
    share = _share(time_s, report)
    if time_s is None or share is None:
        return "", "", ""
    return _ms(time_s), f"{100 * share:.1f} %", three_digits(flop / time_s / 1e9) if flop else ""


def _percent(ratio: float) -> str:
    return f"{100 * ratio:+.1f} %".replace("-0.0", "0.0").replace("+0.0", "0.0")


def _ms(time_s: float) -> str:
    return three_digits(1e3 * time_s)


def _mj(energy: float | None) -> str:
    return "" if energy is None else three_digits(1e3 * energy)
