"""What a run of `colocate layers` shows: time and energy of every fused layer, and the whole network."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from colocate.model.cell import Interval
from colocate.model.layers import Ceilings, FusedLayer
from colocate.model.purpose import LayersPurpose
from colocate.model.quality import QualityFlag, in_order
from colocate.model.request import Inference
from colocate.model.trial import TrialRecord
from colocate.report.run_report import LoadedRun
from colocate.report.sections import refuse_aim, refuse_limits
from colocate.report.text.numbers import counted, three_digits
from colocate.store.run_file import Header
from colocate.study.layers import (
    RESOLVED_RATIO,
    Balance,
    Group,
    allowing_for_idle,
    balance,
    difference,
    energy_j,
    resolved,
    timed,
)
from colocate.study.stats import geometric_mean, sample_quantile
from colocate.study.windows import energies_j


@dataclass(frozen=True, slots=True)
class LayersReport:
    """What a run of `colocate layers` shows.

    `fused_layers` are in the order in which they run. `whole_s` and `whole_j` are p50 and energy above idle of an
    inference of the whole network. `notes` say where numbers come from, and why some are missing. `precision` is that
    of the network's file. If `profiled`, times come from the runtime's profile, else from running each layer by
    itself. If `modelled`, `ceilings` are constants of a model, else they were measured in `ceilings_precision`.
    """

    inference: Inference
    fused_layers: tuple[FusedLayer, ...]
    whole_s: Interval | None
    whole_j: Interval | None
    ceilings: Ceilings | None
    notes: tuple[str, ...]
    precision: str
    ceilings_precision: str
    profiled: bool
    modelled: bool = False

    @property
    def everything(self) -> Group:
        """All fused layers as one group."""
        return Group("all layers", self.fused_layers)

    @property
    def metered(self) -> bool:
        """Whether the energy of any layer is known."""
        return any(layer.energy_j is not None for layer in self.fused_layers)

    @property
    def balance(self) -> Balance | None:
        """The sum of all layers' times against the whole network's p50; None if unknown."""
        return None if self.whole_s is None else balance(self.fused_layers, self.whole_s.value)

    @property
    def warnings(self) -> tuple[QualityFlag, ...]:
        """The warnings on the times of all layers."""
        found = self.balance
        wrong = self.profiled and found is not None and not found.adds_up
        return (QualityFlag.PROFILE_DOES_NOT_ADD_UP,) if wrong else ()

    def warnings_of(self, layer: FusedLayer) -> tuple[QualityFlag, ...]:
        """The warnings on the time and the energy of one layer."""
        unresolved = layer.power_w is not None and not resolved(layer.power_w)
        of_time = () if layer.time_s is None else self.warnings
        return in_order({*of_time, *([QualityFlag.ENERGY_UNRESOLVED] if unresolved else [])})

    @property
    def explained_warnings(self) -> tuple[str, ...]:
        """Each of `warnings` as a sentence with its remedy."""
        return _sentences(self.warnings)


def load(run: LoadedRun, changes: Mapping[str, Any]) -> LayersReport:
    """What a run of `colocate layers` shows. Raises SpecError if the user gave limits or an aim."""
    refuse_aim(changes)
    refuse_limits(run)
    purpose, header, records = run.header.purpose, run.header, run.records
    assert isinstance(purpose, LayersPurpose), "the section of this purpose"
    own = [record for record in records if record.trial.inference == purpose.inference]
    idle = [record for record in records if record.trial.inference is None]
    by_network: dict[str, list[TrialRecord]] = {}
    for record in records:
        if record.trial.inference is not None:
            by_network.setdefault(record.trial.inference.network, []).append(record)
    fused_layers = list(timed(purpose.layer_map.fused_layers, [record.profile for record in own if record.profile]))
    start_s = _starting_s(purpose, by_network)
    above_w = {
        path: above
        for path in (purpose.inference.network, *purpose.subgraphs)
        if (above := difference(_powers_w(by_network.get(path, [])), _powers_w(idle))) is not None
    }
    above_w = dict(zip(above_w, allowing_for_idle([*above_w.values()]), strict=True))
    for path, index in purpose.subgraphs.items():
        whole, windows, above = fused_layers[index], by_network.get(path, []), above_w.get(path)
        inside = [each for each, layer in enumerate(fused_layers) if layer.lies_in(whole)]
        if inside:
            # It ran in a loop together with the layers inside it.
            for each in (index, *inside):
                fused_layers[each] = _sharing(fused_layers[each], above)
        else:
            fused_layers[index] = _looked_at(whole, windows, above, start_s, timed=purpose.layer_map.timed)
    whole_s = _mean([_p50_s(record) for record in own])
    whole_w = above_w.get(purpose.inference.network)
    report = LayersReport(
        inference=purpose.inference,
        fused_layers=tuple(fused_layers),
        whole_s=whole_s,
        whole_j=None if whole_w is None or whole_s is None else energy_j(whole_w, whole_s),
        ceilings=purpose.layer_map.ceilings or _ceilings(purpose, by_network),
        notes=tuple(_notes(purpose, header, fused_layers, sorted(_powers_w(idle).values()))),
        precision=purpose.layer_map.precision or purpose.inference.precision,
        ceilings_precision=next((p.precision for p in purpose.ceilings.values() if p.quantity == "flop"), ""),
        profiled=purpose.layer_map.timed,
        modelled=purpose.layer_map.ceilings is not None,
    )
    # What is wrong with the windows of the whole network is wrong with the profiles taken after them.
    met = {*report.warnings, *(warning for record in own for warning in record.warnings)}
    return dataclasses.replace(report, notes=(*report.notes, *_sentences(in_order(met))))


def _sharing(layer: FusedLayer, above_w: Interval | None) -> FusedLayer:
    """`layer` with the power above idle of its subgraph, and its energy at that power."""
    energy = None if above_w is None or layer.time_s is None else energy_j(above_w, layer.time_s)
    return dataclasses.replace(layer, power_w=above_w, energy_j=energy)


def _looked_at(
    layer: FusedLayer,
    subgraphs: Sequence[TrialRecord],
    above_w: Interval | None,
    start_s: Mapping[int, float],
    *,
    timed: bool,
) -> FusedLayer:
    """`layer` with what the windows of its subgraph show: power, energy, and, if no profile gives it, its time.

    `start_s` is what an inference of nothing takes, in seconds, by repeat.
    """
    period_s = _mean([record.elapsed_s / len(record.latencies_s) for record in subgraphs])
    energy = None if above_w is None or period_s is None else energy_j(above_w, period_s)
    time_s = layer.time_s
    if layer.is_launch_overhead:
        time_s = _mean([_p50_s(record) for record in subgraphs])
    elif not timed:
        left_s = [_p50_s(record) - start_s.get(record.trial.repeat, 0.0) for record in subgraphs]
        time_s = _mean(left_s) if all(each_s > 0 for each_s in left_s) else None
    return dataclasses.replace(layer, time_s=time_s, power_w=above_w, energy_j=energy)


def _starting_s(purpose: LayersPurpose, by_network: Mapping[str, Sequence[TrialRecord]]) -> Mapping[int, float]:
    """The p50, in seconds, of a network that does nothing, by repeat."""
    return {
        record.trial.repeat: _p50_s(record)
        for path, probe in purpose.ceilings.items()
        if probe.quantity == "nothing"
        for record in by_network.get(path, [])
    }


def _ceilings(purpose: LayersPurpose, by_network: Mapping[str, Sequence[TrialRecord]]) -> Ceilings | None:
    rates: dict[str, float] = {}
    for path, probe in purpose.ceilings.items():
        times_s = [
            float(np.min(record.latencies_s if record.device_s is None else record.device_s))
            for record in by_network.get(path, [])
        ]
        if times_s and probe.amount:
            # The machine at its best: the quickest inference of all.
            rates[probe.quantity] = probe.amount / min(times_s)
    return Ceilings(rates["flop"], rates["bytes"]) if len(rates) == 2 else None


def _notes(
    purpose: LayersPurpose, header: Header, fused_layers: Sequence[FusedLayer], idle_w: Sequence[float]
) -> Iterable[str]:
    if not purpose.layer_map.timed:
        yield (
            f"The profile of {purpose.inference.backend} shows when kernels are launched, not how long they run: "
            "times are of each layer run by itself, less that of a network that does nothing."
        )
    if any(layer.within for layer in fused_layers):
        yield (
            "A layer in the body of a Loop, an If or a Scan has a row of its own, with the time, FLOP and bytes of "
            "all runs of the body; the row of what is around it has its own time alone."
        )
    if any(layer.is_launch_overhead for layer in fused_layers):
        yield "Launch, input and output: the time of a network of the same input and output and nothing between them."
    if not header.facts.rails:
        yield "No energies: this machine has no meter of power."
    elif not purpose.layer_map.metered:
        unresolved = sum(layer.power_w is not None and layer.energy_j is None for layer in fused_layers)
        drawn = " to ".join(dict.fromkeys(three_digits(watts) for watts in (*idle_w[:1], *idle_w[-1:])))
        idle = f" ({drawn} W in this run)" if drawn else ""
        yield (
            f"Energy: the power that each layer, run by itself in a loop, adds to idle{idle}, multiplied by the time "
            f"of one pass; given where that power is known to {100 * RESOLVED_RATIO:.0f} %"
            + (f", which it is not of {counted(unresolved, 'fused layer')}." if unresolved else ".")
        )


def _sentences(warnings: Iterable[QualityFlag]) -> tuple[str, ...]:
    return tuple(f"{warning.value.capitalize()}: {warning.remedy}." for warning in warnings)


def _powers_w(records: Iterable[TrialRecord]) -> Mapping[int, float]:
    energies = ((record, energies_j(record)[0]) for record in records)
    return {record.trial.repeat: joules / record.elapsed_s for record, joules in energies if joules is not None}


def _p50_s(record: TrialRecord) -> float:
    return sample_quantile(record.latencies_s, 0.5)


def _mean(values: Sequence[float]) -> Interval | None:
    return geometric_mean(np.array(values)) if values else None
