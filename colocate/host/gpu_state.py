"""What the driver of an NVIDIA GPU outside a Jetson reports through NVML: name, temperature, throttling."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from colocate.host.nvml import text

# Bits of nvmlDeviceGetCurrentClocksEventReasons that hold a clock down (nvml.h). Idling and clocks that somebody
# set are reasons too, but nothing that the machine did.
_THROTTLING = {
    0x04: "power cap",
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}


@dataclass(frozen=True, slots=True)
class GpuLook:
    """The state of all watched GPUs at one moment: the highest temperature in degrees Celsius (None if none is
    reported), and every reason why a GPU holds its clock down.
    """

    temperature_c: float | None = None
    throttle_reasons: frozenset[str] = frozenset()


class GpuState:
    """The GPUs that NVML shows to this process; none if pynvml is not installed."""

    def __init__(self, gpu: int | None = None) -> None:
        """Watch only the GPU with the NVML index `gpu`; None watches all GPUs."""
        self.names: tuple[str, ...] = ()
        self.driver: str | None = None
        self._handles: list[Any] = []
        try:
            self._nvml = importlib.import_module("pynvml")
        except ImportError:
            return
        try:
            self._nvml.nvmlInit()
            self.driver = text(self._nvml.nvmlSystemGetDriverVersion())
            self._handles = [
                self._nvml.nvmlDeviceGetHandleByIndex(index)
                for index in range(self._nvml.nvmlDeviceGetCount())
                if gpu in (None, index)
            ]
            self.names = tuple(text(self._nvml.nvmlDeviceGetName(handle)) for handle in self._handles)
        except self._nvml.NVMLError:
            self._handles = []

    def look(self) -> GpuLook:
        """Return the state of the GPUs now, without the values that a GPU does not report."""
        temperatures_c, reasons = [], 0
        for handle in self._handles:
            try:
                temperatures_c.append(
                    float(self._nvml.nvmlDeviceGetTemperature(handle, self._nvml.NVML_TEMPERATURE_GPU))
                )
                reasons |= self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
            except self._nvml.NVMLError:
                continue
        return GpuLook(
            max(temperatures_c, default=None),
            frozenset(name for bit, name in _THROTTLING.items() if reasons & bit),
        )
