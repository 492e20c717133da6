"""Group trial records into the windows of each cell, and the windows that the cell is compared with.

A cell has steady windows, alternating ones, or both. If the two differ in slowdown by more than chance explains, the
alternating windows are left out, and the cell rests on its steady windows alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from colocate.model.cell import SOLO
from colocate.model.cell_key import CellKey
from colocate.model.quality import FROM_OUTSIDE
from colocate.model.request import Inference, SweepSpec
from colocate.model.trial import Condition, FloatArray, Trial, TrialRecord
from colocate.study.agreement import Designs, differing
from colocate.study.conditions import Pair, alternating_pair, latencies, steady_pair, work_kept
from colocate.study.rails import rail_roles
from colocate.study.stats import integrate, median
from colocate.study.work import rates_per_s, share_of, unfinished, work_per_s

Energies = tuple[float | None, float | None, float | None]
PairOf = Callable[[TrialRecord], Pair | None]


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """All windows of one cell, and those that it is compared with, in the order measured.

    - `own`: the steady windows of the cell.
    - `alternating`: the alternating windows that hold a part of the cell; for a solo baseline, those of every task.
    - `alternating_pairs`: for each alternating window, its parts alone and beside the task; none for a solo baseline.
    - `solo`: windows of the network without a task; `alone`: of the task without a network; `idle`: of neither.
    - `lossy`: a trial of the cell failed, and its retry failed too.
    - `differs`: the alternating windows showed another slowdown than the steady ones, and are left out.
    """

    inference: Inference
    setting: CellKey
    own: Sequence[TrialRecord]
    alternating: Sequence[TrialRecord]
    alternating_pairs: Sequence[Pair]
    solo: Sequence[TrialRecord]
    alone: Sequence[TrialRecord]
    idle: Sequence[TrialRecord]
    lossy: bool
    differs: bool = False

    @property
    def task(self) -> str:
        """The name of the task; `none` for the solo baseline."""
        return self.setting.task or SOLO

    @property
    def condition(self) -> Condition:
        """The condition of this cell in alternating windows: alone for a solo baseline, else beside the task."""
        return Condition.ALONE if self.setting.task is None else Condition.BESIDE

    def latencies(self) -> list[tuple[TrialRecord, FloatArray]]:
        """Return each steady and each alternating window, with its latencies in s that belong to this cell, (n,)."""
        return [(record, latencies(record, self.condition)) for record in (*self.own, *self.alternating)]

    def pairs(self) -> Sequence[Pair]:
        """Return the network's latencies alone and beside the task: per alternating window or, without any, per
        block.

        Empty for the solo baseline.
        """
        return self.alternating_pairs or self.steady_pairs()

    def steady_pairs(self) -> list[Pair]:
        """Return the solo and the co-located window of each block that has both."""
        if self.setting.task is None:
            return []
        baseline = {record.trial.block: record for record in self.solo}
        blocks = [(baseline.get(record.trial.block), record) for record in self.own]
        return [pair for solo, own in blocks if solo and (pair := steady_pair(solo, own))]

    def work_kept(self) -> list[tuple[tuple[TrialRecord, ...], float | None]]:
        """Return the task's rate of work beside the network over its rate alone, with the windows that each ratio is
        from.

        There is one ratio per alternating window. If none of these is known, there is one per steady window, against
        the task alone in the same repeat. An unknown ratio is None.
        """
        alone = {record.trial.repeat: record for record in self.alone}
        return self.alternating_work() or [
            ((against, own), share_of(rates_per_s([own], self.alone), rates_per_s([against])))
            for own in self.own
            if (against := alone.get(own.trial.repeat))
        ]

    def rates_per_s(self) -> tuple[float, ...]:
        """Return the units of work per second beside the network, as `work.rates_per_s` does."""
        return rates_per_s(self.own or self.alternating, self.alone)

    def work_per_s(self) -> float | None:
        """Return the units of work per second of a single task, as `work.work_per_s` does."""
        return work_per_s(self.own or self.alternating, self.alone)

    @property
    def unfinished(self) -> bool:
        """Whether the task worked in a window of the cell and completed no unit of work."""
        return any(unfinished(record, self.alone) for record in (*self.own, *self.alternating))

    def alternating_work(self) -> list[tuple[tuple[TrialRecord, ...], float | None]]:
        """Return what `work_kept` does from alternating windows alone; empty if none of them knows a ratio."""
        found: list[tuple[tuple[TrialRecord, ...], float | None]] = [
            ((record,), work_kept(record)) for record in self.alternating if self.setting.task
        ]
        return found if any(kept is not None for _, kept in found) else []


def group(
    records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = (), pair_of: PairOf = alternating_pair
) -> tuple[Windows, ...]:
    """Return the windows of each network, placement, clock point, task and containment that has a record.

    They are sorted: networks, placements and tasks as in `spec`, clocks ascending, the solo baseline first. `failed`
    are the trials that ended in a TrialError; one that also has a record was run again and does not count. `pair_of`
    is `alternating_pair`, or a function that remembers its results. Raises ValueError for a record whose network,
    placement or task `spec` does not name.
    """
    steady: defaultdict[CellKey, list[TrialRecord]] = defaultdict(list)
    alternating: defaultdict[CellKey, list[TrialRecord]] = defaultdict(list)
    # In the order measured: autocorrelation is judged over the windows laid end to end.
    for record in sorted(records, key=lambda r: (r.trial.repeat, r.trial.block, r.trial.trial_id)):
        (alternating if record.trial.alternating else steady)[CellKey.of(record.trial)].append(record)
    done = {record.trial.trial_id for own in (*steady.values(), *alternating.values()) for record in own}
    lossy = {CellKey.of(trial) for trial in failed if trial.trial_id not in done}
    # Alternating windows hold the baseline of their setting, too.
    keys = {*steady, *alternating, *(key.solo for key in alternating)}
    wanted = [(key.inference, key) for key in keys if key.inference is not None]
    wanted.sort(key=lambda pair: _rank(spec, *pair))
    found = [
        _windows(inference, key, steady, alternating.get(key, ()), key in lossy, pair_of) for inference, key in wanted
    ]
    return _with_baselines(
        [
            replace(each, alternating=(), alternating_pairs=(), differs=True) if differs else each
            for each, differs in zip(found, differing([_designs(each) for each in found]), strict=True)
        ]
    )


def _windows(
    inference: Inference,
    key: CellKey,
    steady: Mapping[CellKey, Sequence[TrialRecord]],
    alternating: Sequence[TrialRecord],
    lossy: bool,
    pair_of: PairOf,
) -> Windows:
    return Windows(
        inference,
        key,
        own=steady.get(key, ()),
        alternating=alternating,
        alternating_pairs=[pair for record in alternating if key.task and (pair := pair_of(record))],
        solo=steady.get(key.solo, ()),
        alone=steady.get(key._replace(inference=None), ()) if key.task else (),
        idle=steady.get(key.solo._replace(inference=None), ()),
        lossy=lossy,
    )


def _with_baselines(cells: Sequence[Windows]) -> tuple[Windows, ...]:
    """Return `cells`, where each solo baseline also has the alternating windows of all tasks beside it."""
    beside: defaultdict[CellKey, list[TrialRecord]] = defaultdict(list)
    for each in cells:
        beside[each.setting.solo] += each.alternating
    return tuple(
        each if each.setting.task else replace(each, alternating=tuple(beside[each.setting])) for each in cells
    )


def _designs(windows: Windows) -> Designs:
    """Return what steady and alternating windows show of a cell, without windows disturbed from outside."""
    steady, alternating = (
        [pair for pair in pairs if not any(FROM_OUTSIDE & {*record.warnings} for record in pair.records)]
        for pairs in (windows.steady_pairs(), windows.alternating_pairs)
    )
    alone, beside = (
        _levels([latencies(pair.records[-1], condition) for pair in alternating])
        for condition in (Condition.ALONE, Condition.BESIDE)
    )
    return Designs(
        windows.inference,
        _levels([pair.beside for pair in steady]) - _levels([pair.alone for pair in steady]),
        _levels([pair.beside for pair in alternating]) - _levels([pair.alone for pair in alternating]),
        alone,
        beside,
    )


def _levels(windows: Sequence[FloatArray]) -> FloatArray:
    """Return the logarithms of median and mean of each window, (windows, 2)."""
    return np.log([[median(window), window.mean()] for window in windows]).reshape(-1, 2)


def _rank(spec: SweepSpec, inference: Inference, key: CellKey) -> tuple[int | str | float, ...]:
    return (
        [asked.network for asked in spec.inferences].index(inference.network),
        *inference.ways,
        spec.placements.index(key.placement),
        # A clock left to its governor sorts before the steps.
        *(hz or 0 for hz in key.clocks.by_axis.values()),
        [(None, None), *((task.name, task.containment) for task in spec.tasks)].index((key.task, key.containment)),
    )


def pooled_latencies(records: Iterable[TrialRecord]) -> Mapping[CellKey, FloatArray]:
    """Return all latencies in s of each setting that has any, window by window.

    Of an alternating window, latencies alone belong to the solo setting, those beside the task to the task's.
    """
    found: defaultdict[CellKey, list[FloatArray]] = defaultdict(list)
    for record in records:
        setting = CellKey.of(record.trial)
        if record.trial.alternating:
            found[setting].append(latencies(record, Condition.BESIDE))
            found[setting.solo].append(latencies(record, Condition.ALONE))
        else:
            found[setting].append(record.latencies_s)
    pooled = {setting: np.concatenate(own) for setting, own in found.items()}
    return {setting: own for setting, own in pooled.items() if len(own)}


def energies_j(record: TrialRecord) -> Energies:
    """Return the energy in J of the board, its GPU and its CPU over exactly the window; None for what was not
    metered.
    """
    trace = record.power
    if trace is None or not len(trace.t_s):
        return None, None, None
    energy_j = integrate(trace.t_s, trace.power_w, 0.0, record.elapsed_s)
    roles = rail_roles(trace.rails, _gpus_used(record.trial.inference))
    total, gpu, cpu = (float(energy_j[list(role)].sum()) if role else None for role in roles)
    return total, gpu, cpu


def _gpus_used(inference: Inference | None) -> int | None:
    """Return on how many GPUs a network is trained, counted from the first; None if it is not trained."""
    if inference is None or inference.training is None:
        return None
    return inference.training.ranks if inference.training.on_gpu else 0
