"""What every runtime on an NVIDIA GPU shares: how its thread waits, and what CUDA's errors ask of the user."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy.typing as npt

from colocate.errors import HostError

# CUctx_flags of the CUDA driver API: how a thread waits for the GPU.
_SCHEDULE = {"spin": 0x01, "block": 0x04}
# Parts of what CUDA, cuDNN, ONNX Runtime, TensorRT and pycuda say, and what its reader can do.
_REMEDIES = (
    (("out of memory", "out_of_memory", "failed to allocate memory", "alloc_failed"),
     "the GPU's memory is full: lower --batch, or end what else uses the GPU (nvidia-smi lists it)"),
    (("insufficientdriver", "insufficient for cuda", "unsupported ptx", "system_driver_mismatch", "driver version"),
     "the NVIDIA driver is older than this runtime needs: update it, or install the runtime for its CUDA version"),
    (("busy or unavailable", "devicesunavailable", "device unavailable", "exclusive"),
     "another program holds the GPU in exclusive mode: end it (nvidia-smi lists it)"),
    (("not permitted", "notpermitted", "permission", "operation_not_supported"),
     "this user may not use the GPU: see that /dev/nvidia* can be read and written (group video on a Jetson)"),
    (("no cuda-capable device", "nodevice", "no_device", "libcuda.so", "failed call to cuinit"),
     "there is no NVIDIA GPU with a driver that this process can see"),
)  # fmt: skip


def schedule(wait: str) -> None:
    """Make the threads of this process `spin` or `block` while they wait for the first GPU.

    It sets the flags of the primary context, which every runtime here uses, and must come before it exists
    (cuDevicePrimaryCtxSetFlags, CUDA driver API). Raises HostError.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise HostError(explained(str(error))) from error
    device = ctypes.c_int()
    # Each gives 0, or the number of an error, at which the rest would make no sense.
    code = (
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(device), 0)
        or driver.cuDevicePrimaryCtxSetFlags_v2(device, _SCHEDULE[wait])
    )
    if code:
        raise HostError(explained(_error_text(driver, code)))


def page_lock(array: npt.NDArray[Any]) -> None:
    """Keep `array` where it is in memory until the process ends, so that the GPU copies from it directly.

    A context must be current (cuMemHostRegister, CUDA driver API). Raises HostError.
    """
    driver = ctypes.CDLL("libcuda.so.1")
    pointer, size = ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)
    if code := driver.cuMemHostRegister_v2(pointer, size, 0):
        raise HostError(explained(_error_text(driver, code)))


def explained(message: str) -> str:
    """`message` on one line, led by what to do where it is known."""
    line = " ".join(message.split())
    low = line.lower()
    for parts, remedy in _REMEDIES:
        if any(part in low for part in parts):
            return f"{remedy} [{_shortened(line)}]"
    return _shortened(line)


def _error_text(driver: ctypes.CDLL, code: int) -> str:
    text = ctypes.c_char_p()
    driver.cuGetErrorString(code, ctypes.byref(text))
    return f"CUDA error {code}: {(text.value or b'unknown').decode()}"


def _shortened(line: str, limit: int = 300) -> str:
    return line if len(line) <= limit else f"{line[:limit]}..."
