"""Turn trial records into cells: how much each task slows the network, and how much work the task loses beside it."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from colocate.model.cell import SOLO, Cell, Interval
from colocate.model.limits import LOSS_MAX, MEAN, PERCENTILES, whole_loss
from colocate.model.quality import FROM_OUTSIDE, TOO_FEW_FOR, QualityFlag, in_order
from colocate.model.request import SweepSpec
from colocate.model.trial import FloatArray, Trial, TrialRecord
from colocate.study.causes import extra_time
from colocate.study.conditions import in_condition
from colocate.study.metered import metered
from colocate.study.reader import Reader
from colocate.study.stats import geometric_mean, known_quantile, paired_ratio
from colocate.study.windows import Windows, group
from colocate.study.work import rates_per_s, share_of, unfinished, work_per_s

__all__ = ["INTERVAL_MIN_BLOCKS", "SOLO", "cell_of", "cells"]

# Windows that something from outside disturbed, or in which machine or task were not as requested, give no value.
DISTURBED = FROM_OUTSIDE | {
    QualityFlag.CLOCK_DRIFTED,
    QualityFlag.THROTTLED,
    QualityFlag.TASK_ENDED_EARLY,
    QualityFlag.LEFT_PROCESSES,
}

# Student's t needs a spread between blocks, and one block has none.
INTERVAL_MIN_BLOCKS = 2

# The statistics of a network alone and beside the task.
_Sides = tuple[Mapping[str, float], Mapping[str, float]]


def cells(
    records: Iterable[TrialRecord], spec: SweepSpec, failed: Iterable[Trial] = (), confidence: float = 0.95
) -> tuple[Cell, ...]:
    """Return one Cell per network, placement, clock point, task and containment that has a record, in the order of
    `group`.

    `failed` trials ended in a TrialError; one that also has a record was run again and does not count. Raises
    ValueError for a record whose network, placement or task `spec` does not name.
    """
    reader = Reader(confidence)
    return tuple(cell_of(windows, reader) for windows in group(records, spec, failed))


def cell_of(windows: Windows, reader: Reader) -> Cell:
    """Return the Cell of `windows`, all blocks together."""
    confidence = reader.confidence
    own, pairs = windows.own, windows.pairs()
    latencies_s = windows.latencies()
    pooled = np.concatenate([own_s for _, own_s in latencies_s])
    known = {name: _latency_s(name, latencies_s, reader) for name in PERCENTILES}
    sides = [(reader.statistics(pair.alone), reader.statistics(pair.beside)) for pair in pairs]
    tails = {
        name: [(alone, beside) for alone, beside in sides if name in alone and name in beside] for name in TOO_FEW_FOR
    }
    warnings = _warnings(windows)
    # If only some blocks know a p99, it is that of the blocks whose latencies changed least.
    warnings |= {flag for name, flag in TOO_FEW_FOR.items() if known[name] is None or len(tails[name]) < len(pairs)}
    if windows.setting.task is not None and len(pairs) < INTERVAL_MIN_BLOCKS:
        warnings.add(QualityFlag.TOO_FEW_REPEATS)

    emc_hz = [record.emc_hz_seen for record, _ in latencies_s if record.emc_hz_seen is not None]
    power_w, gpu_w, cpu_w = _mean_powers_w(own, reader)
    meters = metered(windows, reader)
    slowdown_p50, slowdown_mean = (_slowdown(sides, name, confidence) for name in ("p50", MEAN))
    miss_ratio, longest_miss_run = _misses(windows)
    return Cell(
        inference=windows.inference,
        task=windows.task,
        placement=windows.setting.placement,
        clocks=windows.setting.clocks,
        n=len(pooled),
        blocks=len(pairs) if windows.setting.task is not None else len({r.trial.block for r, _ in latencies_s}),
        p50_s=known["p50"],
        p95_s=known["p95"],
        p99_s=known["p99"],
        slowdown_p50=slowdown_p50,
        slowdown_p95=_tail_slowdown(tails, "p95", confidence),
        slowdown_p99=_tail_slowdown(tails, "p99", confidence),
        power_w=power_w,
        power_gpu_w=gpu_w,
        power_cpu_w=cpu_w,
        energy_per_inference_j=_energy_per_inference_j(own, reader),
        idle_power_w=_mean_powers_w(windows.idle, reader)[0],
        work_per_s=work_per_s(own or windows.alternating, windows.alone)
        if windows.setting.task is not None
        else None,
        work_loss_ratio=_work_loss_ratio(windows, confidence),
        emc_hz=statistics.median_low(emc_hz) if emc_hz else None,
        temperature_c=_mean(record.temperature_c for record in own),
        warnings=in_order(warnings),
        miss_ratio=miss_ratio,
        longest_miss_run=longest_miss_run,
        slowdown_mean=slowdown_mean,
        alternating=bool(windows.alternating),
        containment=windows.setting.containment,
        extra_time=extra_time(windows, pairs, (slowdown_mean, slowdown_p50)),
        power_ends_w=meters.power_ends_w,
        energy_ends_j=meters.energy_ends_j,
        power_ratio=meters.power_ratio,
        energy_ratio=meters.energy_ratio,
    )


def _latency_s(name: str, windows: Sequence[tuple[TrialRecord, FloatArray]], reader: Reader) -> float | None:
    """Return a percentile of the latencies in s, as verdicts use it: the geometric mean over repeats of the windows'
    own.

    Disturbed windows count only if there are no others. If no window has enough latencies for the percentile, all
    latencies are pooled; None if even these are too few.
    """
    quiet = [(record, own_s) for record, own_s in windows if not DISTURBED.intersection(record.warnings)]
    repeats: defaultdict[int, list[float]] = defaultdict(list)
    for record, own_s in quiet or windows:
        if (value := reader.statistics(own_s).get(name)) is not None:
            repeats[record.trial.repeat].append(value)
    if repeats:
        return statistics.geometric_mean(by_repeat(repeats).values())
    return known_quantile(np.concatenate([own_s for _, own_s in windows]), PERCENTILES[name], reader.confidence)


def by_repeat(values: Mapping[int, Sequence[float]]) -> Mapping[int, float]:
    """Return the geometric mean of each repeat's values. A repeat may have a steady and an alternating window."""
    return {
        repeat: found[0] if len(found) == 1 else statistics.geometric_mean(found) for repeat, found in values.items()
    }


def _warnings(windows: Windows) -> set[QualityFlag]:
    """Return the warnings of a cell's windows and baselines: a ratio has the warnings of both of its sides."""
    colocated = windows.setting.task is not None
    # A solo baseline does not get the warnings of the tasks that alternate with it.
    beside = windows.alternating if colocated else ()
    sides = (*windows.own, *beside, *(windows.solo if colocated else ()), *windows.alone)
    warnings = {warning for record in sides for warning in record.warnings}
    if colocated and (windows.unfinished or any(map(unfinished, windows.alone))):
        warnings.add(QualityFlag.NO_RUN_COMPLETED)
    if windows.lossy:
        warnings.add(QualityFlag.TRIALS_FAILED)
    if windows.differs:
        warnings.add(QualityFlag.ALTERNATION_DIFFERS)
    return warnings


def _misses(windows: Windows) -> tuple[float | None, int | None]:
    """Return the share of inferences that took longer than the period, and the most in a row that did so in one
    window.
    """
    period_s = windows.inference.period_s
    own = [(record, latencies_s) for record, latencies_s in windows.latencies() if len(latencies_s)]
    if period_s is None or not own:
        return None, None
    missed = np.concatenate([latencies_s > period_s for _, latencies_s in own])
    # A row of misses ends where another condition, or a guard, begins.
    late = [in_condition(record, windows.condition) & (record.latencies_s > period_s) for record, _ in own]
    runs = (sum(1 for _ in run) for window in late for is_late, run in itertools.groupby(window.tolist()) if is_late)
    return float(missed.mean()), max(runs, default=0)


def _slowdown(sides: Sequence[_Sides], statistic: str, confidence: float) -> Interval | None:
    if not sides:
        return None
    alone, beside = (np.array([side[statistic] for side in each]) for each in zip(*sides, strict=True))
    return paired_ratio(alone, beside, confidence)


def _tail_slowdown(tails: Mapping[str, Sequence[_Sides]], name: str, confidence: float) -> Interval | None:
    """Return the slowdown of p95 or p99 from the pairs that know it; None if these are too few for an interval."""
    return _slowdown(tails[name], name, confidence) if len(tails[name]) >= INTERVAL_MIN_BLOCKS else None


def _work_loss_ratio(windows: Windows, confidence: float) -> Interval | None:
    """Return the share of its work that the task loses: 1 - the geometric mean of (rate beside the network / rate
    alone).

    Each ratio is within one alternating window, or one repeat of steady windows.
    """
    kept = [each for _, each in windows.alternating_work() if each is not None] or _steady_work_kept(windows)
    if not kept:
        return None
    of = geometric_mean(np.maximum(kept, 1 - LOSS_MAX), confidence)
    lo, hi = (None if end is None else whole_loss(1 - end) for end in (of.hi, of.lo))
    return Interval(whole_loss(1 - of.value), lo, hi)


def _steady_work_kept(windows: Windows) -> list[float]:
    """Return the rate of each steady window over the task's rate alone in its repeat, or in all repeats if it has
    none.
    """
    overall = rates_per_s(windows.alone)
    by_repeat: defaultdict[int, list[TrialRecord]] = defaultdict(list)
    for record in windows.alone:
        by_repeat[record.trial.repeat].append(record)
    kept = [
        share_of(rates_per_s([record], windows.alone), rates_per_s(by_repeat[record.trial.repeat]) or overall)
        for record in windows.own
        if windows.rates_per_s()
    ]
    return [each for each in kept if each is not None]


def _mean_powers_w(records: Sequence[TrialRecord], reader: Reader) -> tuple[float | None, float | None, float | None]:
    """Return the mean power in W of the board, its GPU and its CPU over the windows; None for what is unknown."""
    per_window = [
        [None if energy_j is None else energy_j / record.elapsed_s for energy_j in reader.energies_j(record)]
        for record in records
    ]
    total, gpu, cpu = (_mean(window[role] for window in per_window) for role in range(3))
    return total, gpu, cpu


def _energy_per_inference_j(records: Sequence[TrialRecord], reader: Reader) -> float | None:
    """Return the board's energy per inference in J, idle power included, from the windows that have both."""
    metered = [
        (energy_j, len(record.latencies_s))
        for record in records
        if (energy_j := reader.energies_j(record)[0]) is not None and len(record.latencies_s)
    ]
    return sum(energy for energy, _ in metered) / sum(n for _, n in metered) if metered else None


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if present else None
