"""The GPU that a backend runs on: through pycuda if that can be imported, else through ctypes."""

import importlib.util
from typing import Any

from colocate.worker.cuda.ctypes_gpu import CtypesGpu
from colocate.worker.cuda.gpu import CudaGpu
from colocate.worker.cuda.pycuda_gpu import PycudaGpu
from colocate.worker.errors import WorkerError


def opened(wait: str, device: "str | None" = None) -> CudaGpu:
    """Return the GPU that `device` names: `cuda:N`, or None for the first. For `wait` see `CudaGpu`. Raises
    WorkerError.
    """
    kind, _, number = (device or "cuda:0").partition(":")
    if kind != "cuda":
        others = ": TensorRT alone runs networks there" if kind == "dla" else ""
        raise WorkerError(f"it runs on a GPU, not on {device}{others}")
    pycuda, why_not = _imported()
    if pycuda is not None:
        return PycudaGpu(int(number), wait, pycuda)
    gpu = CtypesGpu(int(number), wait)
    if why_not:
        gpu.calls = f"{gpu.calls} ({why_not})"
    return gpu


def _imported() -> "tuple[Any, str]":
    """The package pycuda and an empty text; or None, and why an installed pycuda cannot be used."""
    if importlib.util.find_spec("pycuda") is None:
        return None, ""
    try:
        import pycuda
        import pycuda.driver as driver
    except (ImportError, AttributeError, OSError, RuntimeError, ValueError) as error:
        # Built for another CUDA or another numpy.
        return None, f"pycuda cannot be imported: {' '.join(str(error).split())}"
    if not hasattr(driver.Device, "retain_primary_context"):
        return None, f"pycuda {pycuda.VERSION_TEXT} cannot share a context with a runtime"
    return pycuda, ""
