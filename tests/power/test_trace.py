from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.quality import QualityFlag
from colocate.model.trial import FloatArray
from colocate.power.meter import MeterKind
from colocate.power.sampler import Samples
from colocate.power.trace import power_trace
from colocate.study.stats import integrate

BEGIN_NS = 7_000_000_000
WINDOW_S = 2.0


def samples(
    values: FloatArray,
    kind: MeterKind = MeterKind.POWER,
    period_s: float = 0.01,
    begin_s: float = -0.3,
    step_s: float = 0.01,
) -> Samples:
    """Readings every `step_s` from `begin_s` after the window's start; `values` (n,) or (n, rails)."""
    values = values if values.ndim == 2 else values[:, np.newaxis]
    t_ns = BEGIN_NS + np.round((begin_s + np.arange(len(values)) * step_s) * 1e9).astype(np.int64)
    rails = tuple(f"{kind.value} {i}" for i in range(values.shape[1]))
    return Samples(rails, kind, period_s, t_ns, values)


def noise(n: int = 260, rails: int = 1) -> FloatArray:
    return np.random.default_rng(0).uniform(1, 9, (n, rails))


def traced(*each: Samples, under_load: bool = True, window_s: float = WINDOW_S):  # type: ignore[no-untyped-def] # short
    return power_trace(each, BEGIN_NS, BEGIN_NS + round(window_s * 1e9), under_load)


def test_sampled_power_is_kept_as_it_was_read() -> None:
    values = noise(rails=3)
    trace, warnings = traced(samples(values))
    assert warnings == ()
    assert trace.rails == ("power 0", "power 1", "power 2")
    assert trace.sensor_period_s == 0.01
    # One reading on either side of the window, for the trapezoids at its ends.
    assert trace.t_s[0] == pytest.approx(-0.01) and trace.t_s[-1] == pytest.approx(WINDOW_S, abs=0.0101)
    assert np.array_equal(trace.power_w, values[29 : 29 + len(trace.t_s)])


@given(
    spent_j=st.lists(st.floats(0, 100), min_size=4, max_size=60),
    begin=st.floats(0, 1),
    end=st.floats(0, 1),
)
def test_the_integral_of_a_counter_is_its_difference(spent_j: list[float], begin: float, end: float) -> None:
    energy_j = np.cumsum([1000.0, *spent_j])
    t_s = np.arange(len(energy_j)) * 0.1
    begin_s, window_s = begin * t_s[-1] / 3, t_s[-1] / 3 * (1 + end)
    readings = samples(energy_j, MeterKind.ENERGY, period_s=0.1, begin_s=-begin_s, step_s=0.1)
    trace, _ = traced(readings, window_s=window_s)
    within = t_s[t_s <= begin_s + window_s + 1e-9]
    last_s = min(begin_s + window_s, within[-1])
    truth = np.interp(last_s, t_s, energy_j) - np.interp(begin_s, t_s, energy_j)
    found = integrate(trace.t_s, trace.power_w, 0.0, last_s - begin_s)
    assert found == pytest.approx([truth], rel=1e-6, abs=1e-5)


def test_meters_of_both_kinds_share_one_clock() -> None:
    power_w = noise(rails=2)
    energy_j = np.cumsum(np.random.default_rng(1).uniform(0, 3, 30))
    counter = samples(energy_j, MeterKind.ENERGY, 0.1, begin_s=-0.35, step_s=0.1)
    both, warnings = traced(samples(power_w), counter)
    assert warnings == ()
    assert both.rails == ("power 0", "power 1", "energy counter 0")
    assert both.sensor_period_s == 0.1
    for rail, alone in ((0, samples(power_w)), (2, counter)):
        trace, _ = traced(alone)
        expected = integrate(trace.t_s, trace.power_w, 0.0, WINDOW_S)[0]
        assert integrate(both.t_s, both.power_w, 0.0, WINDOW_S)[rail] == pytest.approx(expected, rel=1e-6)


def test_what_comes_after_the_window_is_not_in_its_energy() -> None:
    # 100 W until the window's end, then nothing: the step in which both fall must not be averaged.
    t_s = -0.35 + np.arange(40) * 0.1
    energy_j = 100 * np.minimum(t_s, WINDOW_S) + 1000
    trace, _ = traced(samples(energy_j, MeterKind.ENERGY, 0.1, begin_s=-0.35, step_s=0.1))
    assert integrate(trace.t_s, trace.power_w, 0.0, WINDOW_S)[0] == pytest.approx(100 * WINDOW_S, rel=1e-6)


@pytest.mark.parametrize(
    ("bad", "warning"), [(math.nan, QualityFlag.SENSOR_FAILED), (-0.5, QualityFlag.READING_IMPLAUSIBLE)]
)
def test_a_bad_reading_is_a_warning_and_is_left_out(bad: float, warning: QualityFlag) -> None:
    values = noise(rails=2)
    values[100, 1] = bad
    trace, warnings = traced(samples(values))
    assert warnings == (warning,)
    between = (values[99, 1] + values[101, 1]) / 2
    assert trace.power_w[100 - 29, 1] == pytest.approx(between)
    assert np.array_equal(trace.power_w[:, 0], values[29 : 29 + len(trace.t_s), 0])


def test_a_rail_that_always_fails_is_absent_and_not_zero() -> None:
    values = noise(rails=2)
    values[:, 0] = math.nan
    trace, warnings = traced(samples(values))
    assert warnings == (QualityFlag.SENSOR_FAILED,)
    assert trace.rails == ("power 1",)
    trace, warnings = traced(samples(np.full(260, math.nan)))
    assert (trace, warnings) == (None, (QualityFlag.SENSOR_FAILED,))
    trace, warnings = traced(samples(np.empty((0, 2))))
    assert (trace, warnings) == (None, (QualityFlag.SENSOR_FAILED,))


def test_a_counter_that_was_reset_is_absent() -> None:
    energy_j = np.concatenate([np.arange(100.0), np.arange(160.0)])
    trace, warnings = traced(samples(energy_j, MeterKind.ENERGY))
    assert (trace, warnings) == (None, (QualityFlag.READING_IMPLAUSIBLE,))


def test_a_frozen_sensor_is_a_warning_under_load() -> None:
    frozen = noise(rails=2)
    frozen[120:] = frozen[120]
    assert traced(samples(frozen))[1] == (QualityFlag.SENSOR_STALLED,)
    assert traced(samples(frozen), under_load=False)[1] == ()
    # One rail that still moves shows that the chip lives.
    frozen[:, 1] = noise()[:, 0]
    assert traced(samples(frozen))[1] == ()


def test_a_counter_must_move_even_when_idle() -> None:
    energy_j = np.cumsum(noise()[:, 0])
    energy_j[150:] = energy_j[150]
    assert traced(samples(energy_j, MeterKind.ENERGY), under_load=False)[1] == (QualityFlag.SENSOR_STALLED,)


def test_a_window_of_less_than_ten_periods_is_a_warning() -> None:
    slow = samples(noise(4), period_s=1.0, begin_s=-1.0, step_s=1.0)
    assert traced(slow)[1] == (QualityFlag.WINDOW_SHORT_FOR_SENSOR,)
    assert traced(samples(noise()), window_s=0.0999)[1] == (QualityFlag.WINDOW_SHORT_FOR_SENSOR,)
    assert traced(samples(noise()), window_s=0.1)[1] == ()


def test_no_meter_no_trace_no_warning() -> None:
    assert traced() == (None, ())
