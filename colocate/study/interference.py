"""TrialRecords -> Cells: what each task costs the network beside it, and what the network costs the task."""

from __future__ import annotations

import itertools
import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.quality import QualityFlag, in_order
from colocate.model.request import SweepSpec
from colocate.model.trial import FloatArray, Trial, TrialRecord
from colocate.study.stats import paired_ratio, quantile_known, sample_quantile
from colocate.study.windows import Windows, energies_j, group, work_per_s

__all__ = ["INTERVAL_MIN_BLOCKS", "SOLO", "cell_of", "cells"]

# Student's t needs a spread between blocks, and one block has none.
INTERVAL_MIN_BLOCKS = 2


def cells(
    records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = (), confidence: float = 0.95
) -> tuple[Cell, ...]:
    """One Cell per network, placement, clock point and task that has a record, in the order of `group`.

    `failed` are the trials that ended in a TrialError; one that has a record all the same was run again and does
    not count. Raises ValueError for a record of something that `spec` does not name.
    """
    return tuple(cell_of(windows, confidence) for windows in group(records, spec, failed))


def cell_of(windows: Windows, confidence: float = 0.95) -> Cell:
    """What `windows` show, all blocks together."""
    own, inference, pairs = windows.own, windows.inference, windows.pairs()
    colocated = windows.setting.task is not None
    pooled = np.concatenate([record.latencies_s for record in own])
    known = {q: quantile_known(pooled, q, confidence) for q in (0.50, 0.95, 0.99)}
    slowdown_p50 = _slowdown(pairs, partial(sample_quantile, quantile=0.50), confidence) if pairs else None
    slowdown_mean = _slowdown(pairs, np.mean, confidence) if pairs else None
    tails = [pair for pair in pairs if all(quantile_known(side.latencies_s, 0.99, confidence) for side in pair)]
    known_p99 = len(tails) >= INTERVAL_MIN_BLOCKS
    slowdown_p99 = _slowdown(tails, partial(sample_quantile, quantile=0.99), confidence) if known_p99 else None
    emc_hz = [record.emc_hz_seen for record in own if record.emc_hz_seen is not None]

    # A ratio has the warnings of both of its sides.
    sides = (*own, *(windows.solo if colocated else ()), *windows.alone)
    warnings = {warning for record in sides for warning in record.warnings}
    # A p99 of some of the blocks alone is one of those whose latencies changed least.
    if not all(known.values()) or len(tails) < len(pairs):
        warnings.add(QualityFlag.TOO_FEW_SAMPLES)
    if colocated and len(pairs) < INTERVAL_MIN_BLOCKS:
        warnings.add(QualityFlag.TOO_FEW_BLOCKS)
    if any(record.work is not None and record.work.count == 0 for record in (*own, *windows.alone)):
        warnings.add(QualityFlag.NO_RUN_COMPLETED)
    if windows.lossy:
        warnings.add(QualityFlag.TRIALS_FAILED)

    power_w, gpu_w, cpu_w = _mean_powers_w(own)
    miss_ratio, longest_miss_run = _misses(own, inference.period_s)
    return Cell(
        inference=inference,
        task=windows.task,
        placement=windows.setting.placement,
        clocks=windows.setting.clocks,
        n=len(pooled),
        blocks=len(pairs) if colocated else len(own),
        p50_s=sample_quantile(pooled, 0.50) if len(pooled) else None,
        p95_s=sample_quantile(pooled, 0.95) if known[0.95] else None,
        p99_s=sample_quantile(pooled, 0.99) if known[0.99] else None,
        slowdown_p50=slowdown_p50,
        slowdown_p99=slowdown_p99,
        power_w=power_w,
        power_gpu_w=gpu_w,
        power_cpu_w=cpu_w,
        energy_per_inference_j=_energy_per_inference_j(own),
        idle_power_w=_mean_powers_w(windows.idle)[0],
        work_per_s=work_per_s(own),
        work_loss_ratio=_work_loss_ratio(own, windows.alone),
        emc_hz=statistics.median_low(emc_hz) if emc_hz else None,
        temperature_c=_mean(record.temperature_c for record in own),
        warnings=in_order(warnings),
        miss_ratio=miss_ratio,
        longest_miss_run=longest_miss_run,
        slowdown_mean=slowdown_mean,
    )


def _misses(records: Sequence[TrialRecord], period_s: float | None) -> tuple[float | None, int | None]:
    """The share of inferences that took longer than the period, and the longest run of them within one window."""
    missed = [record.latencies_s > period_s for record in records if period_s is not None and len(record.latencies_s)]
    if not missed:
        return None, None
    runs = (sum(1 for _ in run) for window in missed for late, run in itertools.groupby(window.tolist()) if late)
    return float(np.concatenate(missed).mean()), max(runs, default=0)


def _slowdown(
    pairs: Sequence[tuple[TrialRecord, TrialRecord]], latency_s: Callable[[FloatArray], float], confidence: float
) -> Interval:
    solo, colocated = (
        np.array([latency_s(record.latencies_s) for record in side]) for side in zip(*pairs, strict=True)
    )
    return paired_ratio(solo, colocated, confidence)


def _work_loss_ratio(beside: Sequence[TrialRecord], alone: Sequence[TrialRecord]) -> float | None:
    """1 - the geometric mean of rate beside over rate alone, each within its repeat.

    A repeat that has no window of the task alone is set against all those that other repeats have.
    """
    overall = work_per_s(alone)
    if overall is None or work_per_s(beside) is None:
        return None
    by_repeat: defaultdict[int, list[TrialRecord]] = defaultdict(list)
    for record in alone:
        by_repeat[record.trial.repeat].append(record)
    kept = [
        math.log(rate / (work_per_s(by_repeat[record.trial.repeat]) or overall))
        for record in beside
        if (rate := work_per_s([record])) is not None
    ]
    return 1 - math.exp(statistics.fmean(kept))


def _mean_powers_w(records: Sequence[TrialRecord]) -> tuple[float | None, float | None, float | None]:
    """Mean over the windows of the power of the board, its GPU and its CPU."""
    per_window = [
        [None if energy_j is None else energy_j / record.elapsed_s for energy_j in energies_j(record)]
        for record in records
    ]
    total, gpu, cpu = (_mean(window[role] for window in per_window) for role in range(3))
    return total, gpu, cpu


def _energy_per_inference_j(records: Sequence[TrialRecord]) -> float | None:
    """Energy of the board, gross of what it draws idle, over the inferences of the windows that have both."""
    metered = [
        (energy_j, len(record.latencies_s))
        for record in records
        if (energy_j := energies_j(record)[0]) is not None and len(record.latencies_s)
    ]
    return sum(energy for energy, _ in metered) / sum(n for _, n in metered) if metered else None


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if present else None
