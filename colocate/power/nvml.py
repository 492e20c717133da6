"""Meter NVIDIA GPUs through NVML (package nvidia-ml-py): by the energy counter if it works, else by power.

The counter is the driver's own integral and misses nothing between two readings. Without it, the instantaneous power
is preferred, because `nvmlDeviceGetPowerUsage` is a mean over one second from Ampere on. On an H200 with driver 580
the counter moved every 100.0 ms; reading it took 4 ms of CPU time, and reading power 1 us. So the sampler reads
counters seldom.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from colocate.model.machine import Missing
from colocate.power.meter import Meter, MeterKind

_MJ = 1e-3
_MW = 1e-3


def find(_root: Path) -> Iterator[Meter | Missing]:
    """Yield a meter per GPU, named `nvml:gpu0` and so on in NVML's order, or a Missing with the reason."""
    try:
        nvml = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        yield Missing("the package nvidia-ml-py is not installed", "pip install nvidia-ml-py")
        return
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        yield Missing(f"NVML: {error}", "only NVIDIA GPUs have it; there, install NVIDIA's driver")
        return
    try:
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                yield Gpu(nvml, index)
            except nvml.NVMLError as error:
                yield Missing(f"GPU {index}: {error}", "none: on a Jetson the board's own rails meter the GPU")
    finally:
        nvml.nvmlShutdown()


class Gpu:
    """The meter of one GPU. Raises NVMLError if the GPU reports neither energy nor power."""

    declared_period_s = None

    def __init__(self, nvml: Any, index: int) -> None:
        self.rails = (f"nvml:gpu{index}",)
        self._nvml = nvml
        # NVML counts its users, so each meter is one.
        nvml.nvmlInit()
        try:
            self.kind, self._value = _first_that_works(nvml, nvml.nvmlDeviceGetHandleByIndex(index))
        except nvml.NVMLError:
            nvml.nvmlShutdown()
            raise

    def read(self) -> tuple[float]:
        """See `Meter.read`."""
        try:
            return (self._value(),)
        except self._nvml.NVMLError:
            return (float("nan"),)

    def close(self) -> None:
        """See `Meter.close`."""
        self._nvml.nvmlShutdown()


def _first_that_works(nvml: Any, handle: Any) -> tuple[MeterKind, Callable[[], float]]:
    """Return the first kind of reading that this GPU supports, and the function that reads it, in J or W."""

    def energy_j() -> float:
        return float(nvml.nvmlDeviceGetTotalEnergyConsumption(handle)) * _MJ

    def instant_power_w() -> float:
        (field,) = nvml.nvmlDeviceGetFieldValues(handle, [nvml.NVML_FI_DEV_POWER_INSTANT])
        if field.nvmlReturn != nvml.NVML_SUCCESS:
            raise nvml.NVMLError(field.nvmlReturn)
        return float(field.value.uiVal) * _MW

    def power_w() -> float:
        return float(nvml.nvmlDeviceGetPowerUsage(handle)) * _MW

    for kind, read in ((MeterKind.ENERGY, energy_j), (MeterKind.POWER, instant_power_w)):
        try:
            read()
        except nvml.NVMLError:
            continue
        return kind, read
    power_w()
    return MeterKind.POWER, power_w
