"""Locked clocks of NVIDIA workstation and server GPUs, through NVML.

NVML can set and reset a lock, but cannot read one. So a lock that the user had set before cannot be restored:
afterwards there is no lock. These clocks are therefore set only if the user asks for it.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from colocate.errors import HostError, KnobError
from colocate.host.clocks.domain import ARRIVAL_TIMEOUT_S
from colocate.host.nvml import LOCK_KNOB, UNLOCKED, text, unlock

_MHZ = 1_000_000


@dataclass(frozen=True, slots=True)
class NvmlClock:
    """The graphics clock of the GPU with this UUID."""

    uuid: str
    steps_hz: tuple[int, ...]
    name: str = "gpu"
    on_request: bool = True

    def read_hz(self) -> int | None:
        """Return the current frequency in Hz, which NVML gives in MHz; None if it gives none."""
        nvml = importlib.import_module("pynvml")
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(self.uuid)
            return int(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_GRAPHICS)) * _MHZ
        except nvml.NVMLError:
            return None

    def capture(self) -> dict[str, str]:
        """Return the knob of the lock with the value to restore, which is always "no lock". Raises HostError without
        root.
        """
        if not is_root():
            raise HostError("locking the clocks of an NVIDIA GPU needs root: run as root, or leave out --gpu-clocks")
        return {LOCK_KNOB + self.uuid: UNLOCKED}

    def pin(self, hz: int, timeout_s: float = ARRIVAL_TIMEOUT_S) -> None:
        """Lock the clock to `hz`. Raises KnobError if the driver refuses.

        This does not wait for the clock, because an idle GPU rests below its lock. What counts is the clock read
        inside the window.
        """
        nvml = importlib.import_module("pynvml")
        mhz = hz // _MHZ
        try:
            nvml.nvmlDeviceSetGpuLockedClocks(nvml.nvmlDeviceGetHandleByUUID(self.uuid), mhz, mhz)
        except nvml.NVMLError as error:
            raise KnobError(f"locked clocks of {self.uuid}: wanted {mhz} MHz, NVML refused it: {error}") from error

    def release(self, captured: Mapping[str, str]) -> None:
        """Remove the lock. Raises RestoreError if that fails."""
        unlock(self.uuid)


def is_root() -> bool:
    """Return whether this process is root. Only root may lock clocks, and NVML has no call that tells."""
    return os.geteuid() == 0


def find_nvml(number: int = 0) -> NvmlClock | None:
    """Return the clock of the GPU with this NVML index; None if NVML is not installed or lists no clocks."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        handle = nvml.nvmlDeviceGetHandleByIndex(number)
        memory_mhz = max(nvml.nvmlDeviceGetSupportedMemoryClocks(handle))
        steps_mhz = nvml.nvmlDeviceGetSupportedGraphicsClocks(handle, memory_mhz)
        return NvmlClock(text(nvml.nvmlDeviceGetUUID(handle)), tuple(sorted(mhz * _MHZ for mhz in steps_mhz)))
    except nvml.NVMLError:
        return None
