from __future__ import annotations

import functools
import math
import os
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.quality import QualityFlag
from colocate.power.meter import MeterKind
from colocate.power.sampler import COUNTER_CPU_SHARE, POWER_CPU_SHARE, SAMPLE_PERIOD_S, Sampler
from colocate.power.trace import power_trace
from colocate.study.stats import integrate
from tests.power.fakes import FakeMeter, VirtualTime, sampled


def constant_watts(clock: Callable[[], float], declared_period_s: float = 0.007) -> FakeMeter:
    return FakeMeter(lambda now: [5.0, 2.0], 0.007, clock, declared_period_s=declared_period_s)


@pytest.mark.parametrize(("declared_s", "step_s"), [(0.007, 0.01), (0.01, 0.01), (0.25, 0.25)])
def test_at_100_hz_or_the_sensors_own_period_and_without_drift(
    monkeypatch: pytest.MonkeyPatch, declared_s: float, step_s: float
) -> None:
    clock = VirtualTime(late_s=0.003)
    began_ns = clock.now_ns
    (samples,) = sampled(monkeypatch, clock, Sampler([constant_watts(clock.monotonic, declared_s)]), 10.0)
    assert len(samples.t_ns) == math.ceil(10.0 / step_s)
    behind_s = (samples.t_ns - began_ns) * 1e-9 - np.arange(len(samples.t_ns)) * step_s
    assert (behind_s >= 0).all()
    assert (behind_s <= 0.0031).all()


def test_after_a_late_reading_it_does_not_catch_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualTime()
    meter = constant_watts(clock.monotonic)

    def slow_once() -> None:
        if meter.reads == 11:
            clock.now_ns += 34_000_000

    meter.on_read = slow_once
    (samples,) = sampled(monkeypatch, clock, Sampler([meter]), 0.5)
    gaps_s = np.diff(samples.t_ns) * 1e-9
    assert gaps_s.min() > 0.009
    assert gaps_s.max() == pytest.approx(0.01 + 0.034 / 2)


def test_sensors_that_are_costly_to_read_are_read_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualTime()
    chips = [constant_watts(clock.monotonic) for _ in range(3)]
    gpu = FakeMeter(lambda now: [now], 0.1, clock.monotonic, MeterKind.ENERGY, declared_period_s=0.1)
    for meter, cost_s in ((chips[0], 0.0003), (chips[1], 0.0001), (chips[2], 0.0001), (gpu, 0.004)):
        meter.on_read = functools.partial(clock.work, cost_s)
    sampler = Sampler([*chips, gpu])
    sampled(monkeypatch, clock, sampler, 60.0)
    used_s = clock.cpu_ns * 1e-9
    # Watching at both ends is outside the window that it serves, and bounded.
    assert (used_s - 2 * sampler.lead_s) / 60.0 <= POWER_CPU_SHARE + COUNTER_CPU_SHARE
    assert {meter.reads for meter in chips} == {chips[0].reads}
    assert chips[0].reads > 700
    assert gpu.reads > 20


@given(
    # RAPL; a counter of 20 ms and one that fits no whole number of readings; an H200, cheap to read and as seen.
    kind=st.sampled_from([(0.001, 5e-6), (0.02, 1e-4), (0.0137, 1e-4), (0.1, 1e-5), (0.1, 0.004)]),
    phase=st.floats(0, 1),
    watts=st.floats(5, 700),
    begin=st.floats(0, 1),
    late_s=st.sampled_from([0.0, 0.0002, 0.002]),
    after_s=st.floats(0, 0.3),
    seed=st.integers(0, 999),
)
def test_a_counters_energy_is_exact_over_windows_that_fall_between_its_steps(
    kind: tuple[float, float], phase: float, watts: float, begin: float, late_s: float, after_s: float, seed: int
) -> None:
    period_s, cost_s = kind
    clock = VirtualTime(late_s, seed)
    meter = FakeMeter(
        lambda now: [math.floor(watts * now * 1e3) * 1e-3],  # in millijoules, as NVML
        period_s,
        clock.monotonic,
        MeterKind.ENERGY,
        declared_period_s=period_s,
        phase_s=phase * period_s,
    )
    meter.on_read = lambda: clock.work(cost_s)
    with pytest.MonkeyPatch.context() as monkeypatch:
        sampler = Sampler([meter])
        lead_s, window_s = sampler.lead_s + begin * 0.1, max(2.0, 20 * period_s)
        begin_ns = clock.now_ns + round(lead_s * 1e9)
        samples = sampled(monkeypatch, clock, sampler, lead_s + window_s + after_s)
    trace, warnings = power_trace(samples, begin_ns, begin_ns + round(window_s * 1e9))
    assert trace is not None
    assert warnings == ()
    (energy_j,) = integrate(trace.t_s, trace.power_w, 0.0, window_s)
    # Steps are dated no better than two readings of the watch follow one another.
    dated_s = late_s + cost_s if late_s + cost_s > 0.001 else 0.0
    assert energy_j == pytest.approx(watts * window_s, rel=0.001 + dated_s / window_s)


def test_a_counter_that_does_not_move_is_watched_for_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualTime()
    meter = FakeMeter(lambda now: [7.0], 0.1, clock.monotonic, MeterKind.ENERGY, declared_period_s=0.1)
    began_ns = clock.now_ns
    samples = sampled(monkeypatch, clock, Sampler([meter]), 2.0)
    assert (clock.now_ns - began_ns) * 1e-9 <= 2.0 + 0.2 + 0.01
    _, warnings = power_trace(samples, began_ns, began_ns + 2 * 10**9)
    assert warnings == (QualityFlag.SENSOR_STALLED,)


def test_in_a_real_thread_that_ends_and_inherits_the_cpus() -> None:
    threads, seen = threading.active_count(), set[frozenset[int]]()
    meter = constant_watts(time.monotonic)
    meter.on_read = lambda: seen.add(frozenset(os.sched_getaffinity(0)))
    sampler = Sampler([meter])
    mine = os.sched_getaffinity(0)
    for cpus in ({min(mine)}, mine):
        os.sched_setaffinity(0, cpus)
        seen.clear()
        sampler.start()
        assert threading.active_count() == threads + 1
        time.sleep(3 * SAMPLE_PERIOD_S)
        (samples,) = sampler.stop()
        assert threading.active_count() == threads
        assert seen == {frozenset(cpus)}
        assert len(samples.t_ns) == len(samples.values) > 0
        assert (np.diff(samples.t_ns) > 0).all()


def test_started_again_it_forgets_and_closed_it_ends() -> None:
    threads = threading.active_count()
    sampler = Sampler([constant_watts(time.monotonic)])
    sampler.start()
    time.sleep(0.05)
    began_ns = time.monotonic_ns()
    sampler.start()
    assert threading.active_count() == threads + 1
    (samples,) = sampler.stop()
    assert (samples.t_ns >= began_ns).all()
    sampler.start()
    sampler.close()
    sampler.close()
    assert threading.active_count() == threads


def test_a_defect_in_a_meter_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = constant_watts(time.monotonic)
    sampler = Sampler([meter])
    monkeypatch.delattr(meter, "_value")
    sampler.start()
    time.sleep(0.05)
    with pytest.raises(AttributeError):
        sampler.stop()


def test_without_meters_there_is_nothing_to_do() -> None:
    sampler = Sampler([])
    sampler.start()
    assert sampler.stop() == ()


def test_closing_again_after_an_interruption_is_no_error() -> None:
    sampler = Sampler([])
    sampler.start()
    sampler._ending.release()  # as a close that a signal cut short has left it
    sampler.close()
    sampler.close()
