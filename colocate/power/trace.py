"""Turn raw readings into the PowerTrace of one window, with the warnings about it.

A trace is integrated by trapezoids. Sampled power enters as it was read. A counter shows how much energy passed
between two of its steps, but not when. So its power is constant from step to step, and each step has two rows a
nanosecond apart. The integral from step to step is then the difference of the counter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from colocate.model.quality import QualityFlag, in_order
from colocate.model.trial import FloatArray, PowerTrace
from colocate.power.meter import MeterKind
from colocate.power.sampler import SAMPLE_PERIOD_S, Samples

# With fewer refreshes in a window, it matters too much when in the window they happen.
PERIODS_NEEDED = 10
# How many periods a sensor may show the same under load. A counter must move; power can repeat, within its few
# digits, but not every rail of a chip at once for as long as this.
_FROZEN_PERIODS = {MeterKind.ENERGY: 10, MeterKind.POWER: 100}
# Within this part of a period around a step, it is uncertain whether a reading is from before or after the step.
_BESIDE = 0.1
_EDGE_S = 1e-9
_NS = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Rail:
    """The power in W of one rail: `power_w` (n,) at the times `t_s` (n,), or if `stepped`, from each of them to the
    next.
    """

    name: str
    period_s: float
    t_s: FloatArray
    power_w: FloatArray
    stepped: bool

    def at(self, t_s: FloatArray) -> FloatArray:
        """Return the power at any times (m,); beyond either end it is the nearest value."""
        if not self.stepped:
            return np.interp(t_s, self.t_s, self.power_w)
        step = np.searchsorted(self.t_s, t_s, side="right") - 1
        return self.power_w[np.clip(step, 0, None)]


def power_trace(
    samples: Sequence[Samples], begin_ns: int, end_ns: int, under_load: bool = True
) -> tuple[PowerTrace | None, tuple[QualityFlag, ...]]:
    """Return the power of every rail from `begin_ns` to `end_ns` (CLOCK_MONOTONIC), and the warnings about it.

    Rails without a usable reading are left out; None without any rail. `under_load` says that something ran in the
    window: only then is power that stays the same suspicious.
    """
    warnings: set[QualityFlag] = set()
    rails: list[_Rail] = []
    window_s = (end_ns - begin_ns) * _NS
    for each in samples:
        t_s = (each.t_ns - begin_ns).astype(np.float64) * _NS
        warnings |= _warnings(each, t_s, under_load)
        for name, values in zip(each.rails, each.values.T, strict=True):
            good = np.isfinite(values) & (values >= 0)
            if each.kind is MeterKind.ENERGY:
                rail = _metered_by_counter(name, each.period_s, t_s[good], values[good], window_s)
            else:
                rail = _Rail(name, each.period_s, t_s[good], values[good], stepped=False)
            if len(rail.t_s):
                rails.append(rail)
    trace = _joined(rails, window_s) if rails else None
    if trace is not None and window_s < PERIODS_NEEDED * trace.sensor_period_s:
        warnings.add(QualityFlag.WINDOW_SHORT_FOR_SENSOR)
    return trace, in_order(warnings)


def _metered_by_counter(name: str, period_s: float, t_s: FloatArray, energy_j: FloatArray, window_s: float) -> _Rail:
    t_s, energy_j = _steps(t_s, energy_j, period_s)
    # A step after the end of the window includes energy from after the end, so the last step within it is better.
    within = max(2, int(np.searchsorted(t_s, window_s, side="right")))
    t_s, energy_j = t_s[:within], energy_j[:within]
    spent_j = np.diff(energy_j)
    # A counter that ran backwards was reset, and nobody knows by how much.
    kept = slice(0 if (spent_j < 0).any() else len(spent_j))
    return _Rail(name, period_s, t_s[:-1][kept], (spent_j / np.diff(t_s))[kept], stepped=True)


def _steps(t_s: FloatArray, energy_j: FloatArray, period_s: float) -> tuple[FloatArray, FloatArray]:
    """Return when a counter took each of its values, in s, and these values in J, each step once.

    `energy_j` (n,) was read at `t_s` (n,). A counter steps at even intervals. If two readings less than half an
    interval apart differ, the step lies between them; the first and the last such step give the times of all others.
    Any other reading near a step may be from before or after it, and is left out: its energy is part of the next one.
    """
    near = np.flatnonzero((np.diff(energy_j) != 0) & (np.diff(t_s) < period_s / 2))
    if not len(near):
        return t_s, energy_j
    first, last = near[0], near[-1]
    first_s, last_s = ((t_s[i] + t_s[i + 1]) / 2 for i in (first, last))
    if turns := round((last_s - first_s) / period_s):
        period_s = (last_s - first_s) / turns
    phase = (t_s - first_s) / period_s
    clear = np.abs(phase - np.round(phase)) > _BESIDE
    clear[[first, first + 1, last, last + 1]] = True
    turn, energy_j = np.floor(phase[clear]), energy_j[clear]
    once = np.flatnonzero(np.diff(turn, prepend=-np.inf))
    return first_s + turn[once] * period_s, energy_j[once]


def _joined(rails: Sequence[_Rail], window_s: float) -> PowerTrace:
    """Return all rails at the times of each; of rows outside the window, only the nearest on either side."""
    edges_s = [rail.t_s - _EDGE_S for rail in rails if rail.stepped]
    t_s = np.unique(np.concatenate([*(rail.t_s for rail in rails), *edges_s]))
    begin, end = np.searchsorted(t_s, (0.0, window_s))
    t_s = t_s[max(0, begin - 1) : end + 1]
    return PowerTrace(
        t_s=t_s,
        power_w=np.column_stack([rail.at(t_s) for rail in rails]),
        rails=tuple(rail.name for rail in rails),
        sensor_period_s=max(rail.period_s for rail in rails),
    )


def _warnings(samples: Samples, t_s: FloatArray, under_load: bool) -> set[QualityFlag]:
    """Return the warnings about the readings of one meter, taken at `t_s` (n,)."""
    warnings = set()
    values, counter = samples.values, samples.kind is MeterKind.ENERGY
    if not len(t_s) or not np.isfinite(values).all():
        warnings.add(QualityFlag.SENSOR_FAILED)
    steps = np.diff(values, axis=0)
    if (values < 0).any() or (counter and (steps < 0).any()):
        warnings.add(QualityFlag.READING_IMPLAUSIBLE)
    if len(t_s) and (under_load or counter):
        begins = np.flatnonzero([True, *(steps != 0).any(axis=1)])
        ends = np.append(begins[1:], len(t_s)) - 1
        frozen_s = float((t_s[ends] - t_s[begins]).max())
        if frozen_s > _FROZEN_PERIODS[samples.kind] * max(samples.period_s, SAMPLE_PERIOD_S):
            warnings.add(QualityFlag.SENSOR_STALLED)
    return warnings
