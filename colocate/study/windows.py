"""TrialRecords sorted into what they are windows of: a cell, its solo baseline, its task alone, the idle machine.

A cell has steady windows, alternating ones, or both. Where both show another slowdown than chance explains, the
alternating ones are left out: what a cell says then rests on its steady windows alone.
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
    - `alternating`: the alternating windows that hold a part of the cell; for a solo baseline those of every task.
    - `alternating_pairs`: for each alternating window its part beside the task and its part alone. A solo baseline
      has none.
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
        """The name of the task, `none` for the solo baseline."""
        return self.setting.task or SOLO

    @property
    def condition(self) -> Condition:
        """The condition of alternating windows that is this cell's."""
        return Condition.ALONE if self.setting.task is None else Condition.BESIDE

    def latencies(self) -> list[tuple[TrialRecord, FloatArray]]:
        """Each window that has latencies of this cell, in order, with these."""
        return [(record, latencies(record, self.condition)) for record in (*self.own, *self.alternating)]

    def pairs(self) -> Sequence[Pair]:
        """The network alone and beside the task, once per alternating window, or where there is none per block.

        None for the solo baseline.
        """
        return self.alternating_pairs or self.steady_pairs()

    def steady_pairs(self) -> list[Pair]:
        """The solo and the co-located window of each block that has both."""
        if self.setting.task is None:
            return []
        baseline = {record.trial.block: record for record in self.solo}
        blocks = [(baseline.get(record.trial.block), record) for record in self.own]
        return [pair for solo, own in blocks if solo and (pair := steady_pair(solo, own))]

    def work_kept(self) -> list[tuple[tuple[TrialRecord, ...], float | None]]:
        """The rate of the task's work beside the network over that alone, with the windows that it is from.

        Of each alternating window; where none knows it of each steady one, against the task alone in its repeat.
        """
        alone = {record.trial.repeat: record for record in self.alone}
        return self.alternating_work() or [
            ((against, own), share_of(rates_per_s([own], self.alone), rates_per_s([against])))
            for own in self.own
            if (against := alone.get(own.trial.repeat))
        ]

    def rates_per_s(self) -> tuple[float, ...]:
        """Units of work per second beside the network; see `work.rates_per_s`."""
        return rates_per_s(self.own or self.alternating, self.alone)

    def work_per_s(self) -> float | None:
        """The same of a single task."""
        return work_per_s(self.own or self.alternating, self.alone)

    @property
    def unfinished(self) -> bool:
        """Whether the task worked in one of the cell's own windows and completed nothing that counts."""
        return any(unfinished(record, self.alone) for record in (*self.own, *self.alternating))

    def alternating_work(self) -> list[tuple[tuple[TrialRecord, ...], float | None]]:
        """The same of alternating windows alone; nothing where none knows it."""
        found: list[tuple[tuple[TrialRecord, ...], float | None]] = [
            ((record,), work_kept(record)) for record in self.alternating if self.setting.task
        ]
        return found if any(kept is not None for _, kept in found) else []


def group(
    records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = (), pair_of: PairOf = alternating_pair
) -> tuple[Windows, ...]:
    """The windows of each network, placement, clock point and task that has a record.

    They stand in that order, whatever the order of `records`: networks, placements and tasks as in
    `spec`, clocks rising, the solo baseline first. `failed` are the trials that ended in a TrialError; one that
    has a record all the same was run again and does not count. `pair_of` is `alternating_pair`, or remembers what
    that said. Raises ValueError for a record of something that `spec` does not name.
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
    """`cells`, where each solo baseline has the alternating windows of all tasks beside it."""
    beside: defaultdict[CellKey, list[TrialRecord]] = defaultdict(list)
    for each in cells:
        beside[each.setting.solo] += each.alternating
    return tuple(
        each if each.setting.task else replace(each, alternating=tuple(beside[each.setting])) for each in cells
    )


def _designs(windows: Windows) -> Designs:
    """What steady and alternating windows show of a cell, less those that something from outside disturbed."""
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
    """The logarithms of median and mean of each of the windows, (windows, 2)."""
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
    """All latencies of each setting that has one, window by window; of alternating windows those in its condition."""
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
    """Energy of the board, its GPU and its CPU over exactly the window."""
    trace = record.power
    if trace is None or not len(trace.t_s):
        return None, None, None
    energy_j = integrate(trace.t_s, trace.power_w, 0.0, record.elapsed_s)
    roles = rail_roles(trace.rails, _gpus_used(record.trial.inference))
    total, gpu, cpu = (float(energy_j[list(role)].sum()) if role else None for role in roles)
    return total, gpu, cpu


def _gpus_used(inference: Inference | None) -> int | None:
    """On how many GPUs a network is trained, from the first on; None where it is not trained."""
    if inference is None or inference.training is None:
        return None
    return inference.training.ranks if inference.training.on_gpu else 0
