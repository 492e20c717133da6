from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.power import refresh
from colocate.power.refresh import refresh_period_s
from tests.power.fakes import FakeMeter, VirtualTime


def watched(meter: FakeMeter, clock: VirtualTime) -> float | None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(refresh, "time", clock)
        return refresh_period_s(meter)


def test_a_sensor_that_steps_every_20_ms() -> None:
    clock = VirtualTime(late_s=0.0003)
    meter = FakeMeter(lambda now: [now], 0.020, clock.monotonic, phase_s=0.0071)
    began_s = clock.monotonic()
    assert watched(meter, clock) == pytest.approx(0.020, rel=0.005)
    assert clock.monotonic() - began_s <= 1.01


@given(
    period_s=st.floats(0.005, 0.02),
    levels=st.integers(4, 1000),
    late_s=st.sampled_from([0.0, 0.0002, 0.001]),
    seed=st.integers(0, 999),
)
def test_coarse_readings_that_repeat_do_not_lengthen_it(
    period_s: float, levels: int, late_s: float, seed: int
) -> None:
    clock = VirtualTime(late_s, seed)
    shown = [float(random.Random(seed + i).randrange(levels)) for i in range(1000)]
    meter = FakeMeter(lambda now: [7.0, shown[round(now / period_s) % 1000]], period_s, clock.monotonic)
    assert watched(meter, clock) == pytest.approx(period_s, rel=0.1)


def test_what_the_sensor_declares_is_taken_without_watching() -> None:
    clock = VirtualTime()
    meter = FakeMeter(lambda now: [now], 0.020, clock.monotonic, declared_period_s=0.007)
    assert watched(meter, clock) == 0.007
    assert meter.reads <= 1


@pytest.mark.parametrize("value", [3.0, math.nan])
def test_a_sensor_that_never_changes_has_no_known_period_and_takes_bounded_time(value: float) -> None:
    clock = VirtualTime()
    meter = FakeMeter(lambda now: [value], 0.020, clock.monotonic)
    began_s = clock.monotonic()
    assert watched(meter, clock) is None
    assert clock.monotonic() - began_s <= 1.01
