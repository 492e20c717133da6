"""NVML outside of meters: the lock on a GPU's clock as a knob, and how it is taken off."""

from __future__ import annotations

import importlib

from colocate.errors import RestoreError

# How the knob of a GPU's lock is named: this and the GPU's UUID.
LOCK_KNOB = "nvml:"
# The former lock of a GPU cannot be read (NVML has no call for it): what is put back is "no lock".
UNLOCKED = "unlocked"


def unlock(uuid: str) -> None:
    """Let the GPU choose its clock again. Raises RestoreError, naming what stands in the way."""
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
    """Older releases of pynvml answer in bytes."""
    return name.decode() if isinstance(name, bytes) else name
