from __future__ import annotations

import numpy as np
import pytest

from colocate.rigs.tx1.clocks import (
    CPU_STEPS_HZ,
    EMC_MAX_HZ,
    GPU_STEPS_HZ,
    cpu_voltage_v,
    followed_emc_hz,
    gpu_voltage_v,
)


def test_steps_are_those_of_the_board() -> None:
    assert (len(CPU_STEPS_HZ), CPU_STEPS_HZ[0], CPU_STEPS_HZ[-1]) == (17, 102_000_000, 1_734_000_000)
    assert (len(GPU_STEPS_HZ), GPU_STEPS_HZ[0], GPU_STEPS_HZ[-1]) == (13, 76_800_000, 998_400_000)
    assert list(CPU_STEPS_HZ) == sorted(set(CPU_STEPS_HZ))


@pytest.mark.parametrize(
    ("cpu_mhz", "gpu_mhz", "emc_mhz"),
    [
        # An idle GPU asks for nothing: the floors of the kernel's table, each from its own clock on.
        (102, None, 68),
        (204, None, 68),
        (307.2, None, 204),
        (403.2, None, 408),
        (921.6, None, 665.6),
        (1224, None, 1056),
        (1555.5, None, 1331.2),
        (1734, None, 1600),
        # A busy one asks for three times its clock, up to the memory's highest.
        (102, 76.8, 230.4),
        (102, 537.6, 1600),
        (102, 998.4, 1600),
        # The CPU's floor holds where it is higher.
        (1734, 76.8, 1600),
        (921.6, 76.8, 665.6),
    ],
)
def test_the_memory_clock_follows_what_both_sides_ask_for(
    cpu_mhz: float, gpu_mhz: float | None, emc_mhz: float
) -> None:
    gpu_hz = None if gpu_mhz is None else round(gpu_mhz * 1e6)
    assert followed_emc_hz(round(cpu_mhz * 1e6), gpu_hz) == round(emc_mhz * 1e6)


def test_no_clock_that_rises_lowers_the_memory_clock() -> None:
    table = np.array(
        [[followed_emc_hz(cpu_hz, gpu_hz) for gpu_hz in (None, *GPU_STEPS_HZ)] for cpu_hz in CPU_STEPS_HZ]
    )
    assert (np.diff(table, axis=0) >= 0).all() and (np.diff(table, axis=1) >= 0).all()
    assert table.max() == EMC_MAX_HZ


def test_gpu_voltages_are_the_three_that_the_founding_study_read() -> None:
    read_v = [gpu_voltage_v(GPU_STEPS_HZ[step]) for step in (0, 6, 12)]
    assert read_v == [0.82, 0.85, 1.10]
    assert (np.diff([gpu_voltage_v(hz) for hz in GPU_STEPS_HZ]) >= 0).all()


def test_cpu_voltages_are_whole_steps_of_the_regulator_within_its_range() -> None:
    volts = np.array([cpu_voltage_v(hz) for hz in CPU_STEPS_HZ])
    assert (np.diff(volts) >= 0).all()
    assert (volts[0], volts[-1]) == (0.841, 1.227)
    steps = volts[(volts > 0.841) & (volts < 1.227)] / 6.25e-3
    assert len(steps) > 5 and steps == pytest.approx(np.round(steps))
    # 1224 MHz wants 1.072049 V.
    assert cpu_voltage_v(1_224_000_000) == pytest.approx(1.075)
