"""Which clocks this machine has: found in the kernel's files, never by the name of the board."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from colocate.host.clocks.domain import Domain
from colocate.host.clocks.kernel_clock import Clock, ClockLimits, Override
from colocate.host.clocks.nvml_clock import find_nvml
from colocate.host.sysfs import Sysfs, read_hz

_KHZ = 1000
# Device tree names and compatible strings of GPUs: gm20b is Tegra X1, gp10b X2, gv11b Xavier, ga10b Orin,
# gb10b Thor. "gpu" alone is what newer device trees call any of them.
_CHIPS = ("gm20b", "gp10b", "gv11b", "ga10b", "gb10b")
_GPU_OF_NAMES = ("gpu", *_CHIPS)
# Where no device tree is shown: the devfreq node's own name. gpu-gpc-0 is Thor's.
_GPU_NODE = re.compile(rf".*\.({'|'.join(_GPU_OF_NAMES)})|gpu-gpc-0")

# Kernels 3.10 of L4T r21 to r24.
_GBUS_OVERRIDE = Override(
    rate="/sys/kernel/debug/clock/override.gbus/rate",
    switch="/sys/kernel/debug/clock/override.gbus/state",
    current="/sys/kernel/debug/clock/gbus/rate",
    tables=("/sys/kernel/debug/clock/gbus/possible_rates",),
)
# How nvpmodel caps the memory clock: L4T r27 to r35, and r35 and later.
_EMC_CAPS = ("/sys/kernel/nvpmodel_emc_cap/emc_iso_cap", "/sys/kernel/nvpmodel_clk_cap/emc")
# The memory clock, the first that exists: L4T 3.10; Tegra 210 with 4.x; X2, Xavier and Orin; Thor; mainline.
_EMC_CONTROLS: tuple[Override | ClockLimits, ...] = (
    Override(
        rate="/sys/kernel/debug/clock/override.emc/rate",
        switch="/sys/kernel/debug/clock/override.emc/state",
        current="/sys/kernel/debug/clock/emc/rate",
        tables=("/sys/kernel/debug/clock/emc/possible_rates",),
    ),
    Override(
        rate="/sys/kernel/debug/clk/override.emc/clk_update_rate",
        switch="/sys/kernel/debug/clk/override.emc/clk_state",
        current="/sys/kernel/debug/clk/emc/clk_rate",
        # Of the bus that the override is a user of; some kernels show it at the clock itself.
        tables=(
            "/sys/kernel/debug/clk/emc_master/clk_possible_rates",
            "/sys/kernel/debug/clk/emc/clk_possible_rates",
        ),
        ends=("/sys/kernel/debug/tegra_bwmgr/emc_min_rate", "/sys/kernel/debug/tegra_bwmgr/emc_max_rate"),
        caps=_EMC_CAPS,
    ),
    Override(
        rate="/sys/kernel/debug/bpmp/debug/clk/emc/rate",
        switch="/sys/kernel/debug/bpmp/debug/clk/emc/mrq_rate_locked",
        current="/sys/kernel/debug/bpmp/debug/clk/emc/rate",
        tables=("/sys/kernel/debug/bpmp/debug/emc/possible_rates",),
        ends=("/sys/kernel/debug/bpmp/debug/clk/emc/min_rate", "/sys/kernel/debug/bpmp/debug/clk/emc/max_rate"),
        caps=_EMC_CAPS,
        switch_first=True,
    ),
    ClockLimits(
        lowest="/sys/class/devfreq/bwmgr/min_freq",
        highest="/sys/class/devfreq/bwmgr/max_freq",
        current="/sys/class/devfreq/bwmgr/cur_freq",
        steps="/sys/class/devfreq/bwmgr/available_frequencies",
    ),
    ClockLimits(
        lowest="/sys/kernel/debug/emc/min_rate",
        highest="/sys/kernel/debug/emc/max_rate",
        current="/sys/kernel/debug/clk/emc/clk_rate",
        steps="/sys/kernel/debug/emc/available_rates",
    ),
)
_CPUQUIET = "/sys/devices/system/cpu/cpuquiet/tegra_cpuquiet/enable"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clock domains of this machine; None for a clock that it does not show to this process."""

    cpu: Clock | None
    gpu: Domain | None
    emc: Clock | None

    def domain(self, name: str) -> Domain | None:
        """Return the domain called `cpu`, `gpu` or `emc`; None if there is none."""
        domains: dict[str, Domain | None] = {"cpu": self.cpu, "gpu": self.gpu, "emc": self.emc}
        return domains[name]

    def seen(self, cpus: Collection[int] = ()) -> tuple[int | None, int | None, int | None]:
        """Return the current clocks of CPU, GPU and memory in Hz; None for each that cannot be read.

        The CPU clock is the lowest among those of `cpus` (of all CPUs, if none are given). The call is cheap enough
        inside a window.
        """
        return (
            None if self.cpu is None else self.cpu.read_hz(cpus),
            None if self.gpu is None else self.gpu.read_hz(),
            None if self.emc is None else self.emc.read_hz(),
        )


def find_clocks(sysfs: Sysfs, gpu: int = 0) -> Clocks:
    """Find all clocks and write nothing. `gpu` is the NVML index of the GPU to use if none has kernel files."""
    return Clocks(_find_cpu(sysfs), _find_gpu(sysfs, gpu), _find_emc(sysfs))


def _find_cpu(sysfs: Sysfs) -> Clock | None:
    controls = tuple(_policies(sysfs))
    if not controls:
        return None
    held = {_CPUQUIET: "0"} if sysfs.read(_CPUQUIET) is not None else {}
    return _clock("cpu", sysfs, controls, held)


def _policies(sysfs: Sysfs) -> Iterator[ClockLimits]:
    """Yield each cpufreq policy (a group of CPUs with one clock) that has an online CPU. Before kernel 4.4 they are
    found only below their CPUs.
    """
    base = "/sys/devices/system/cpu"
    folders = sysfs.glob(f"{base}/cpufreq/policy[0-9]*") + sysfs.glob(f"{base}/cpu[0-9]*/cpufreq")
    for folder in dict.fromkeys(map(sysfs.resolved, folders)):
        cpus = frozenset(map(int, (sysfs.read(f"{folder}/affected_cpus") or "").split()))
        if cpus and sysfs.read(f"{folder}/scaling_min_freq") is not None:
            yield ClockLimits(
                lowest=f"{folder}/scaling_min_freq",
                highest=f"{folder}/scaling_max_freq",
                current=f"{folder}/scaling_cur_freq",
                steps=f"{folder}/scaling_available_frequencies",
                unit_hz=_KHZ,
                cpus=cpus,
            )


def _find_gpu(sysfs: Sysfs, number: int) -> Domain | None:
    if sysfs.read(_GBUS_OVERRIDE.switch) is not None:
        return _clock("gpu", sysfs, (_GBUS_OVERRIDE,))
    for node in sysfs.glob("/sys/class/devfreq/*"):
        if _is_gpu(sysfs, node):
            limits = ClockLimits(
                lowest=f"{node}/min_freq",
                highest=f"{node}/max_freq",
                current=f"{node}/cur_freq",
                steps=f"{node}/available_frequencies",
            )
            railgate = f"{node}/device/railgate_enable"
            held = {railgate: "0"} if sysfs.read(railgate) is not None else {}
            return _clock("gpu", sysfs, (limits,), held)
    # Without the driver there is nothing to ask, and loading NVML to learn that takes a while.
    return find_nvml(number) if sysfs.glob("/sys/module/nvidia") else None


def _is_gpu(sysfs: Sysfs, node: str) -> bool:
    of_node = f"{node}/device/of_node"
    compatible = sysfs.read(f"{of_node}/compatible") or ""
    return (
        sysfs.read(f"{of_node}/name") in _GPU_OF_NAMES
        or any(f"nvidia,{chip}" in compatible for chip in _CHIPS)
        or _GPU_NODE.fullmatch(node.rpartition("/")[2]) is not None
    )


def _find_emc(sysfs: Sysfs) -> Clock | None:
    shown = [control for control in _EMC_CONTROLS if read_hz(sysfs, control.current) is not None]
    if not shown:
        return None
    # Two kinds of kernel show the clock in the same file: the one that also has a table can set it.
    control = next((control for control in shown if control.steps_hz(sysfs)), shown[0])
    return _clock("emc", sysfs, (control,), on_request=True)


def _clock(
    name: str, sysfs: Sysfs, controls: tuple[ClockLimits | Override, ...], held: Mapping[str, str] | None = None,
    *, on_request: bool = False,
) -> Clock:  # fmt: skip
    """Return a clock. Each of its controls keeps the ceiling that is in force now."""
    found = tuple(dataclasses.replace(each, ceiling_hz=each.found_ceiling_hz(sysfs)) for each in controls)
    return Clock(name, sysfs, found, held or {}, on_request)
