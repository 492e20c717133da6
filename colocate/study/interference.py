"""TrialRecords -> Cells: what each task costs the network beside it, and what the network costs the task."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from colocate.study.model import (
    Cell,
    ClockPoint,
    Doubt,
    FloatArray,
    Inference,
    Interval,
    SweepSpec,
    Trial,
    TrialRecord,
)
from colocate.study.rails import rail_roles
from colocate.study.stats import integrate, paired_ratio, quantile_known, sample_quantile

SOLO = "none"
# Student's t needs a spread between blocks, and one block has none.
INTERVAL_MIN_BLOCKS = 2


class _Key(NamedTuple):
    """What the windows of a cell share; as in a Trial, None stands for no network and for no stressor."""

    inference: Inference | None
    placement: str
    clocks: ClockPoint
    stressor: str | None

    @classmethod
    def of(cls, trial: Trial) -> _Key:
        stressor = None if trial.stressor is None else trial.stressor.name
        return cls(trial.inference, trial.placement.name, trial.clocks, stressor)


_Windows = Mapping[_Key, Sequence[TrialRecord]]
_Pair = tuple[FloatArray, FloatArray]


def cells(
    records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = (), confidence: float = 0.95
) -> tuple[Cell, ...]:
    """One Cell per network, placement, clock point and stressor that has a record.

    They stand in that order, whatever the order of `records`: networks, placements and stressors as in
    `spec`, clocks rising, the solo baseline first. `failed` are the trials that ended in a TrialError; one that
    has a record all the same was run again and does not count. Raises ValueError for a record of something
    that `spec` does not name.
    """
    windows: defaultdict[_Key, list[TrialRecord]] = defaultdict(list)
    # In the order measured: autocorrelation is judged over the windows laid end to end.
    for record in sorted(records, key=lambda r: (r.trial.round, r.trial.block, r.trial.trial_id)):
        windows[_Key.of(record.trial)].append(record)
    done = {record.trial.trial_id for own in windows.values() for record in own}
    lossy = {_Key.of(trial) for trial in failed if trial.trial_id not in done}
    wanted = [(key, key.inference) for key in windows if key.inference is not None]
    wanted.sort(key=lambda pair: _rank(spec, *pair))
    return tuple(_cell(key, inference, windows, key in lossy, confidence) for key, inference in wanted)


def _rank(spec: SweepSpec, key: _Key, inference: Inference) -> tuple[int | str, ...]:
    return (
        [asked.network for asked in spec.inferences].index(inference.network),
        *dataclasses.astuple(inference)[1:],
        spec.placements.index(key.placement),
        # A clock left to its governor sorts before the steps.
        key.clocks.cpu_hz or 0,
        key.clocks.gpu_hz or 0,
        [None, *(stressor.name for stressor in spec.stressors)].index(key.stressor),
    )


def _cell(key: _Key, inference: Inference, windows: _Windows, lossy: bool, confidence: float) -> Cell:
    own = windows[key]
    alone = windows.get(key._replace(inference=None), ()) if key.stressor else ()
    idle = windows.get(key._replace(inference=None, stressor=None), ())
    solo = windows.get(key._replace(stressor=None), ())
    pairs = _pairs(solo, own) if key.stressor else []
    pooled = np.concatenate([record.latencies_s for record in own])
    known = {q: quantile_known(pooled, q, confidence) for q in (0.50, 0.95, 0.99)}
    slowdown_p50 = _slowdown(pairs, 0.50, confidence) if pairs else None
    tails = [pair for pair in pairs if all(quantile_known(window, 0.99, confidence) for window in pair)]
    slowdown_p99 = _slowdown(tails, 0.99, confidence) if len(tails) >= INTERVAL_MIN_BLOCKS else None
    emc_hz = [record.emc_hz_seen for record in own if record.emc_hz_seen is not None]

    # A ratio is as doubtful as either of its sides.
    doubts = {doubt for record in (*own, *(solo if key.stressor else ()), *alone) for doubt in record.doubts}
    if not all(known.values()) or len(tails) < min(len(pairs), INTERVAL_MIN_BLOCKS):
        doubts.add(Doubt.TOO_FEW_SAMPLES)
    if key.stressor and len(pairs) < INTERVAL_MIN_BLOCKS:
        doubts.add(Doubt.TOO_FEW_BLOCKS)
    if any(record.work is not None and record.work.count == 0 for record in (*own, *alone)):
        doubts.add(Doubt.NO_RUN_COMPLETED)
    if lossy:
        doubts.add(Doubt.TRIALS_FAILED)

    power_w, gpu_w, cpu_w = _mean_powers_w(own)
    return Cell(
        inference=inference,
        stressor=key.stressor or SOLO,
        placement=key.placement,
        clocks=key.clocks,
        n=len(pooled),
        blocks=len(pairs) if key.stressor else len(own),
        p50_s=sample_quantile(pooled, 0.50) if len(pooled) else None,
        p95_s=sample_quantile(pooled, 0.95) if known[0.95] else None,
        p99_s=sample_quantile(pooled, 0.99) if known[0.99] else None,
        slowdown_p50=slowdown_p50,
        slowdown_p99=slowdown_p99,
        power_w=power_w,
        power_gpu_w=gpu_w,
        power_cpu_w=cpu_w,
        energy_per_inference_j=_energy_per_inference_j(own),
        idle_power_w=_mean_powers_w(idle)[0],
        work_per_s=_rate(own),
        work_loss_ratio=_work_loss_ratio(own, alone),
        emc_hz=statistics.median_low(emc_hz) if emc_hz else None,
        temperature_c=_mean(record.temperature_c for record in own),
        doubts=tuple(doubt for doubt in Doubt if doubt in doubts),
    )


def _pairs(solo: Sequence[TrialRecord], colocated: Sequence[TrialRecord]) -> list[_Pair]:
    """Solo and co-located latencies of each block that has both."""
    baseline = {record.trial.block: record.latencies_s for record in solo if len(record.latencies_s)}
    return [
        (baseline[record.trial.block], record.latencies_s)
        for record in colocated
        if record.trial.block in baseline and len(record.latencies_s)
    ]


def _slowdown(pairs: Sequence[_Pair], quantile: float, confidence: float) -> Interval:
    solo, colocated = (
        np.array([sample_quantile(window, quantile) for window in side]) for side in zip(*pairs, strict=True)
    )
    return paired_ratio(solo, colocated, confidence)


def _rate(records: Sequence[TrialRecord]) -> float | None:
    """Units of work per second; None when a window has no finished unit, which says nothing about the rate."""
    works = [record.work for record in records if record.work is not None]
    if not works or any(work.count == 0 for work in works):
        return None
    return sum(work.count for work in works) / sum(work.elapsed_s for work in works)


def _work_loss_ratio(beside: Sequence[TrialRecord], alone: Sequence[TrialRecord]) -> float | None:
    """1 - the geometric mean of rate beside over rate alone, each within its round.

    A round that has no window of the stressor alone is set against all those that other rounds have.
    """
    overall = _rate(alone)
    if overall is None or _rate(beside) is None:
        return None
    by_round: defaultdict[int, list[TrialRecord]] = defaultdict(list)
    for record in alone:
        by_round[record.trial.round].append(record)
    kept = [
        math.log(rate / (_rate(by_round[record.trial.round]) or overall))
        for record in beside
        if (rate := _rate([record])) is not None
    ]
    return 1 - math.exp(statistics.fmean(kept))


def _energies_j(record: TrialRecord) -> tuple[float | None, float | None, float | None]:
    """Energy of the board, its GPU and its CPU over exactly the window."""
    trace = record.power
    if trace is None or not len(trace.t_s):
        return None, None, None
    energy_j = integrate(trace.t_s, trace.power_w, 0.0, record.elapsed_s)
    total, gpu, cpu = (float(energy_j[list(role)].sum()) if role else None for role in rail_roles(trace.rails))
    return total, gpu, cpu


def _mean_powers_w(records: Sequence[TrialRecord]) -> tuple[float | None, float | None, float | None]:
    """Mean over the windows of the power of the board, its GPU and its CPU."""
    per_window = [
        [None if energy_j is None else energy_j / record.elapsed_s for energy_j in _energies_j(record)]
        for record in records
    ]
    total, gpu, cpu = (_mean(window[role] for window in per_window) for role in range(3))
    return total, gpu, cpu


def _energy_per_inference_j(records: Sequence[TrialRecord]) -> float | None:
    """Energy of the board, gross of what it draws idle, over the inferences of the windows that have both."""
    metered = [
        (energy_j, len(record.latencies_s))
        for record in records
        if (energy_j := _energies_j(record)[0]) is not None and len(record.latencies_s)
    ]
    return sum(energy for energy, _ in metered) / sum(n for _, n in metered) if metered else None


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if present else None
