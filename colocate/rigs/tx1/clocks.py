"""The Tegra X1's clock steps, its memory clock, which follows the others unless it is set, and its rail voltages."""

from __future__ import annotations

import math
from dataclasses import dataclass

CPU_STEPS_HZ = (
    102_000_000, 204_000_000, 307_200_000, 403_200_000, 518_400_000, 614_400_000, 710_400_000, 825_600_000,
    921_600_000, 1_036_800_000, 1_132_800_000, 1_224_000_000, 1_326_000_000, 1_428_000_000, 1_555_500_000,
    1_632_000_000, 1_734_000_000,
)  # fmt: skip
"""L4T 24.2.1's 17 steps: features.json of dividiti/ck-caffe-nvidia-tx1."""

GPU_STEPS_HZ = tuple(76_800_000 * step for step in range(1, 14))
"""The 13 steps of the L4T kernel's tegra210-dvfs.c."""

EMC_STEPS_HZ = (
    40_800_000, 68_000_000, 102_000_000, 204_000_000, 408_000_000, 665_600_000, 800_000_000, 1_065_600_000,
    1_331_200_000, 1_600_000_000,
)  # fmt: skip
"""The 10 steps of the memory's device tree (p2180) in the L4T 4.9 kernel. An override can set any of them, even below
`_EMC_FLOORS_HZ`."""

EMC_MAX_HZ = EMC_STEPS_HZ[-1]

# CPU clock from which on the kernel keeps the memory at or above a clock, both Hz: `emc-cpu-limit-table` of
# the L4T 4.9 kernel's tegra210-cpufreq.dtsi.
_EMC_FLOORS_HZ = (
    (102_000_000, 68_000_000), (204_800_000, 102_000_000), (307_200_000, 204_000_000),
    (403_000_000, 408_000_000), (800_000_000, 665_600_000), (1_122_000_000, 800_000_000),
    (1_224_000_000, 1_056_000_000), (1_428_000_000, 1_331_200_000), (1_632_000_000, 1_600_000_000),
)  # fmt: skip

# nvgpu's platform_gk20a_tegra.c: memory clock over GPU clock, 4 x emc3d_ratio 750 / 1000.
_EMC_PER_GPU_HZ = 3

# GPU voltages in V, one per step: the noise-aware table of tegra210-dvfs.c at speedo 2000 and 20 degrees C, rounded
# up to the rail's 10 mV. It meets the three voltages that the founding study read (0.82, 0.85, 1.10 V).
_GPU_V = (0.82, 0.82, 0.82, 0.82, 0.82, 0.82, 0.85, 0.89, 0.93, 0.97, 1.02, 1.06, 1.10)

# CPU clocks in MHz and raw voltages in uV: the EUCM1 DFLL table of tegra210-dvfs.c, in 6.25 mV steps within 841 mV
# and 1227 mV. The clocks are those of the 4.9 kernel; steps of 24.2.1 that lie between take the next higher entry,
# as the DVFS code does.
_CPU_UV = (
    (510, 835_715), (612, 869_477), (714, 903_239), (816, 937_001), (918, 970_763), (1020, 1_004_525),
    (1122, 1_038_287), (1224, 1_072_049), (1326, 1_105_811), (1428, 1_130_000), (1555.5, 1_130_000),
    (1632, 1_170_000), (1734, 1_227_500),
)  # fmt: skip
_CPU_STEP_UV = 6_250
_CPU_MIN_V, _CPU_MAX_V = 0.841, 1.227


@dataclass(frozen=True, slots=True)
class BoardClocks:
    """The clocks that the board runs at, in Hz. If `set_emc_hz` is None, the memory clock follows the others."""

    cpu_hz: int
    gpu_hz: int
    set_emc_hz: int | None = None

    @property
    def busy_emc_hz(self) -> int:
        """The memory clock while the GPU works, in Hz."""
        return self.set_emc_hz or followed_emc_hz(self.cpu_hz, self.gpu_hz)

    @property
    def resting_emc_hz(self) -> int:
        """The memory clock while the GPU rests, in Hz."""
        return self.set_emc_hz or followed_emc_hz(self.cpu_hz, None)


def followed_emc_hz(cpu_hz: int, gpu_hz: int | None) -> int:
    """Return the memory clock in Hz beside a GPU that works at `gpu_hz`, or an idle GPU (None).

    What the GPU asks for is not rounded up to a step of the memory. At GPU 76.8 MHz the kernel alternates between 68,
    204 and 408 MHz; the founding study's logs have a mean of 240 MHz, and this gives 230.
    """
    floors = [emc for cpu, emc in _EMC_FLOORS_HZ if cpu_hz >= cpu]
    wanted_by_gpu = 0 if gpu_hz is None else min(_EMC_PER_GPU_HZ * gpu_hz, EMC_MAX_HZ)
    return max(floors[-1], wanted_by_gpu)


def gpu_voltage_v(gpu_hz: int) -> float:
    """Return the voltage of the GPU rail, in V, at a step of `GPU_STEPS_HZ`."""
    return _GPU_V[GPU_STEPS_HZ.index(gpu_hz)]


def cpu_voltage_v(cpu_hz: int) -> float:
    """Return the voltage of the CPU rail, in V, at a clock of up to 1734 MHz."""
    raw_uv = next(uv for mhz, uv in _CPU_UV if cpu_hz <= mhz * 1e6)
    rounded_v = math.ceil(raw_uv / _CPU_STEP_UV) * _CPU_STEP_UV * 1e-6
    return min(max(rounded_v, _CPU_MIN_V), _CPU_MAX_V)
