"""TrialRecords sorted into what they are windows of: a cell, its solo baseline, its task alone, the idle machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from colocate.model.cell import SOLO
from colocate.model.request import ClockPoint, Inference, SweepSpec
from colocate.model.trial import Trial, TrialRecord
from colocate.study.rails import rail_roles
from colocate.study.stats import integrate


class CellKey(NamedTuple):
    """What the windows of a cell share; as in a Trial, None stands for no network and for no task."""

    inference: Inference | None
    placement: str
    clocks: ClockPoint
    task: str | None

    @classmethod
    def of(cls, trial: Trial) -> CellKey:
        """The setting that `trial` is a window of."""
        task = None if trial.task is None else trial.task.name
        return cls(trial.inference, trial.placement.name, trial.clocks, task)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """All windows of one cell, and those that it is set against; each in the order measured.

    `own` are the cell's, `solo` the network's without a task, `alone` its task's without a network,
    `idle` the machine's without either. `lossy`: a trial of the cell failed and was not made good.
    """

    inference: Inference
    setting: CellKey
    own: Sequence[TrialRecord]
    solo: Sequence[TrialRecord]
    alone: Sequence[TrialRecord]
    idle: Sequence[TrialRecord]
    lossy: bool

    @property
    def task(self) -> str:
        """The name of the task, `none` for the solo baseline."""
        return self.setting.task or SOLO

    def pairs(self) -> list[tuple[TrialRecord, TrialRecord]]:
        """The solo and the co-located window of each block that has both; none for the solo baseline."""
        if self.setting.task is None:
            return []
        baseline = {record.trial.block: record for record in self.solo if len(record.latencies_s)}
        return [
            (baseline[record.trial.block], record)
            for record in self.own
            if record.trial.block in baseline and len(record.latencies_s)
        ]


def group(records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = ()) -> tuple[Windows, ...]:
    """The windows of each network, placement, clock point and task that has a record.

    They stand in that order, whatever the order of `records`: networks, placements and tasks as in
    `spec`, clocks rising, the solo baseline first. `failed` are the trials that ended in a TrialError; one that
    has a record all the same was run again and does not count. Raises ValueError for a record of something
    that `spec` does not name.
    """
    windows: defaultdict[CellKey, list[TrialRecord]] = defaultdict(list)
    # In the order measured: autocorrelation is judged over the windows laid end to end.
    for record in sorted(records, key=lambda r: (r.trial.repeat, r.trial.block, r.trial.trial_id)):
        windows[CellKey.of(record.trial)].append(record)
    done = {record.trial.trial_id for own in windows.values() for record in own}
    lossy = {CellKey.of(trial) for trial in failed if trial.trial_id not in done}
    wanted = [(key.inference, key) for key in windows if key.inference is not None]
    wanted.sort(key=lambda pair: _rank(spec, *pair))
    return tuple(_windows(inference, key, windows, key in lossy) for inference, key in wanted)


def _windows(
    inference: Inference, key: CellKey, windows: Mapping[CellKey, Sequence[TrialRecord]], lossy: bool
) -> Windows:
    return Windows(
        inference,
        key,
        own=windows[key],
        solo=windows.get(key._replace(task=None), ()),
        alone=windows.get(key._replace(inference=None), ()) if key.task else (),
        idle=windows.get(key._replace(inference=None, task=None), ()),
        lossy=lossy,
    )


def _rank(spec: SweepSpec, inference: Inference, key: CellKey) -> tuple[int | str | float, ...]:
    return (
        [asked.network for asked in spec.inferences].index(inference.network),
        *inference.ways,
        spec.placements.index(key.placement),
        # A clock left to its governor sorts before the steps.
        key.clocks.cpu_hz or 0,
        key.clocks.gpu_hz or 0,
        [None, *(task.name for task in spec.tasks)].index(key.task),
    )


def work_per_s(records: Sequence[TrialRecord]) -> float | None:
    """Units of work per second; None when a window has no finished unit, which says nothing about the rate."""
    works = [record.work for record in records if record.work is not None]
    if not works or any(work.count == 0 for work in works):
        return None
    return sum(work.count for work in works) / sum(work.elapsed_s for work in works)


def energies_j(record: TrialRecord) -> tuple[float | None, float | None, float | None]:
    """Energy of the board, its GPU and its CPU over exactly the window."""
    trace = record.power
    if trace is None or not len(trace.t_s):
        return None, None, None
    energy_j = integrate(trace.t_s, trace.power_w, 0.0, record.elapsed_s)
    total, gpu, cpu = (float(energy_j[list(role)].sum()) if role else None for role in rail_roles(trace.rails))
    return total, gpu, cpu
