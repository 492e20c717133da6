from __future__ import annotations

import time

import pytest

from colocate.host.clocks.find import Clocks
from colocate.host.sysfs import Sysfs
from colocate.power.find import Meters
from colocate.power.meter import MeterKind
from colocate.power.trace import power_trace
from colocate.rigs.host.monitor import Monitor
from colocate.study.stats import integrate

PERIOD_S, WARMUP_W, LOAD_W, IDLE_W = 0.05, 100.0, 200.0, 50.0


class CostlyCounter:
    """An energy counter like a GPU's: it steps every 50 ms, and a reading takes so much CPU that few are made."""

    rails = ("gpu",)
    kind = MeterKind.ENERGY
    declared_period_s = PERIOD_S

    def __init__(self) -> None:
        self._changes = [(time.monotonic(), WARMUP_W)]

    def draw(self, power_w: float) -> None:
        self._changes.append((time.monotonic(), power_w))

    def read(self) -> tuple[float]:
        busy_s = time.thread_time() + 0.004
        while time.thread_time() < busy_s:
            pass
        now_s = time.monotonic()
        stepped_s = now_s - (now_s - self._changes[0][0]) % PERIOD_S
        ends = [moment for moment, _ in self._changes[1:]] + [stepped_s]
        pairs = zip(self._changes, ends, strict=True)
        return (sum(power_w * max(0.0, min(end, stepped_s) - begin) for (begin, power_w), end in pairs),)

    def close(self) -> None:
        pass


def test_the_power_is_that_of_the_window_not_of_what_comes_before_or_after() -> None:
    counter = CostlyCounter()
    monitor = Monitor(Sysfs(), Clocks(None, None, None), Meters((counter,), ()))
    try:
        monitor.begin(0.1)
        begin_ns = time.monotonic_ns()
        counter.draw(LOAD_W)
        monitor.window(0.6, (0,))
        end_ns = time.monotonic_ns()
        counter.draw(IDLE_W)
        # As long as fourteen processes may take to report.
        time.sleep(0.4)
        trace, _ = power_trace(monitor.end().samples, begin_ns, end_ns)
    finally:
        monitor.close()
    assert trace is not None
    window_s = (end_ns - begin_ns) / 1e9
    assert integrate(trace.t_s, trace.power_w, 0.0, window_s)[0] / window_s == pytest.approx(LOAD_W, rel=0.1)
