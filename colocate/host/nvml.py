"""The lock on the clock of an NVIDIA GPU: its name as a knob (a setting that colocate writes), and its removal."""

from __future__ import annotations

import importlib

from colocate.errors import RestoreError

# The name of the knob of a GPU's lock is this prefix and the GPU's UUID.
LOCK_KNOB = "nvml:"
# The former lock of a GPU cannot be read (NVML has no call for it): what is put back is "no lock".
UNLOCKED = "unlocked"


def unlock(uuid: str) -> None:
    """Remove the lock on the clock of the GPU with this UUID. Raises RestoreError, with the reason, if that fails."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError as error:
        raise RestoreError(f"{uuid} is still locked: install nvidia-ml-py and restore again") from error
    try:
        nvml.nvmlInit()
        nvml.nvmlDeviceResetGpuLockedClocks(nvml.nvmlDeviceGetHandleByUUID(uuid))
    except nvml.NVMLError as error:
        raise RestoreError(f"locked clocks of {uuid}: wanted {UNLOCKED}, NVML refused it: {error}") from error


def text(name: str | bytes) -> str:
    """Return a name from NVML as text: older releases of pynvml give bytes."""
    return name.decode() if isinstance(name, bytes) else name
