from __future__ import annotations

import dataclasses

import pytest

from colocate.errors import HostError, SpecError
from colocate.model.request import ClockPoint
from colocate.study.clock_points import clock_points, shared_levels
from tests.study.test_plan import TX1_CPU_HZ, TX1_GPU_HZ, facts, spec


def test_the_default_clocks_are_the_founding_studys() -> None:
    points = clock_points(spec(), facts(cpu_steps_hz=TX1_CPU_HZ, gpu_steps_hz=TX1_GPU_HZ))
    assert {p.cpu_hz for p in points} == {102_000_000, 921_600_000, 1_734_000_000}
    assert {p.gpu_hz for p in points} == {76_800_000, 537_600_000, 998_400_000}
    assert len(points) == 9


def test_clocks_stay_native_where_only_one_of_them_can_be_set() -> None:
    assert clock_points(spec(), facts(gpu_steps_hz=TX1_GPU_HZ)) == (ClockPoint(),)
    assert clock_points(spec(cpu_clocks=("native",)), facts()) == (ClockPoint(),)


def test_the_memory_is_a_third_axis_where_it_is_asked_for() -> None:
    board = facts(
        cpu_steps_hz=TX1_CPU_HZ, gpu_steps_hz=TX1_GPU_HZ, emc_steps_hz=(68_000_000, 408_000_000, 1_600_000_000)
    )
    pairs = clock_points(spec(), board)
    assert {point.emc_hz for point in pairs} == {None}
    points = clock_points(spec(emc_clocks=("low", "mid", "high")), board)
    assert len({*points}) == 27 and {point.emc_hz for point in points} == {*board.emc_steps_hz}
    assert {dataclasses.replace(point, emc_hz=None) for point in points} == {*pairs}
    with pytest.raises(HostError, match="memory clock cannot be set"):
        clock_points(spec(emc_clocks=("low",)), facts())
    with pytest.raises(SpecError, match="emc_clocks: 100 MHz is not a step"):
        clock_points(spec(emc_clocks=(100_000_000,)), board)


def test_a_clock_that_is_no_step_is_refused_with_the_steps() -> None:
    with pytest.raises(SpecError, match=r"1000 MHz is not a step.*921\.6"):
        clock_points(spec(cpu_clocks=(1_000_000_000,)), facts(cpu_steps_hz=TX1_CPU_HZ))
    with pytest.raises(HostError, match="GPU clock cannot be set"):
        clock_points(spec(gpu_clocks=("low",)), facts())


def test_levels_that_are_one_clock_are_named_and_give_one_point() -> None:
    two = facts(cpu_steps_hz=TX1_CPU_HZ, gpu_steps_hz=TX1_GPU_HZ[:2], emc_steps_hz=(68_000_000, 1_600_000_000))
    asked = spec(emc_clocks=("low", "high"))
    assert list(shared_levels(asked, two)) == [("gpu", ("low", "mid"))] and len(clock_points(asked, two)) == 12
    asked = spec(emc_clocks=("high", "mid", "low"))
    assert list(shared_levels(asked, two)) == [("gpu", ("low", "mid")), ("emc", ("low", "mid"))]
    one = dataclasses.replace(two, emc_steps_hz=(1_600_000_000,))
    assert list(shared_levels(asked, one))[1] == ("emc", ("low", "mid", "high"))
    # A number is what it is, and native is no level.
    assert list(shared_levels(spec(gpu_clocks=("native",), emc_clocks=(68_000_000, "mid")), two)) == []
