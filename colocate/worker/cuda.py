"""What runtimes on an NVIDIA GPU share: context, graphs, how a thread waits, what CUDA's errors ask of the user."""

import atexit
import ctypes
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from colocate.worker.errors import WorkerError

if TYPE_CHECKING:
    import numpy.typing as npt

# CUctx_flags of the CUDA driver API: how a thread waits for the GPU.
_SCHEDULE = {"spin": 0x01, "block": 0x04}
# CUstreamCaptureMode: only calls of the capturing thread can spoil a capture.
_CAPTURE_THREAD_LOCAL = 1
# Parts of what CUDA, cuDNN, ONNX Runtime, TensorRT and pycuda say, and what its reader can do.
_REMEDIES = (
    (("out of memory", "out_of_memory", "outofmemory", "failed to allocate memory", "alloc_failed"),
     "the GPU's memory is full: lower --batch, or end what else uses the GPU (nvidia-smi lists it)"),
    (("insufficientdriver", "insufficient for cuda", "unsupported ptx", "system_driver_mismatch", "driver version",
      "failure with error: 35"),
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
    (cuDevicePrimaryCtxSetFlags, CUDA driver API). Raises WorkerError.
    """
    driver = _library()
    device = ctypes.c_int()
    # Each gives 0, or the number of an error, at which the rest would make no sense.
    _check(
        driver,
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(device), 0)
        or driver.cuDevicePrimaryCtxSetFlags_v2(device, _SCHEDULE[wait]),
    )


def primary_context(wait: str) -> Any:
    """The module pycuda.driver, for whose calls from this thread the first GPU is now ready; see `schedule`.

    The context is the one that CUDA's runtime library uses, and with it TensorRT. Raises WorkerError.
    """
    schedule(wait)
    try:
        import pycuda.driver as driver
    except ImportError as error:
        raise WorkerError(f"pycuda cannot be imported: pip install pycuda [{_shortened(str(error))}]") from error
    try:
        driver.init()
        context = driver.Device(0).retain_primary_context()
        context.push()
    except driver.Error as error:
        raise WorkerError(explained(str(error))) from error
    # pycuda aborts a process that ends while a context is current.
    atexit.register(context.pop)
    return driver


class Stopwatch:
    """A stream of its own, and how long what is launched on it takes on the GPU: between two events around it.

    `driver` is what `primary_context` gives. The constructor raises pycuda's own error.
    """

    def __init__(self, driver: Any) -> None:
        self._error: "type[Exception]" = driver.Error
        self.stream = driver.Stream()
        self._events = driver.Event(), driver.Event()

    def time(self, launch: "Callable[[], None]") -> None:
        """Call `launch`, which puts its work on the stream, and wait until that is done. Raises WorkerError."""
        begin, end = self._events
        try:
            begin.record(self.stream)
            launch()
            end.record(self.stream)
            self.stream.synchronize()
        except self._error as error:
            raise WorkerError(explained(str(error))) from error

    def device_s(self) -> float:
        """How long the last of it took."""
        begin, end = self._events
        return float(end.time_since(begin)) * 1e-3


def captured(stream: int, enqueue: "Callable[[], None]") -> "Callable[[], None]":
    """What `enqueue` puts on the stream of this handle, as one CUDA graph: call the result to launch it there.

    Through the CUDA driver API, because pycuda (2026.1) has no graphs. The graph lives as long as the process.
    Both raise WorkerError.
    """
    driver = _library()
    handle, graph, executable = ctypes.c_void_p(stream), ctypes.c_void_p(), ctypes.c_void_p()
    _check(driver, driver.cuStreamBeginCapture_v2(handle, _CAPTURE_THREAD_LOCAL))
    try:
        enqueue()
    finally:
        code = driver.cuStreamEndCapture(handle, ctypes.byref(graph))
    _check(driver, code)
    _check(driver, driver.cuGraphInstantiateWithFlags(ctypes.byref(executable), graph, ctypes.c_ulonglong(0)))

    def launch() -> None:
        _check(driver, driver.cuGraphLaunch(executable, handle))

    return launch


def page_lock(array: "npt.NDArray[Any]") -> None:
    """Keep `array` where it is in memory until the process ends, so that the GPU copies from it directly.

    A context must be current (cuMemHostRegister, CUDA driver API). Raises WorkerError.
    """
    driver = _library()
    pointer, size = ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)
    _check(driver, driver.cuMemHostRegister_v2(pointer, size, 0))


def explained(message: str) -> str:
    """`message` on one line, led by what to do where it is known."""
    line = " ".join(message.split())
    low = line.lower()
    for parts, remedy in _REMEDIES:
        if any(part in low for part in parts):
            return f"{remedy} [{_shortened(line)}]"
    return _shortened(line)


def _library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise WorkerError(explained(str(error))) from error


def _check(driver: ctypes.CDLL, code: int) -> None:
    if code:
        text = ctypes.c_char_p()
        driver.cuGetErrorString(code, ctypes.byref(text))
        raise WorkerError(explained(f"CUDA error {code}: {(text.value or b'unknown').decode()}"))


def _shortened(line: str, limit: int = 300) -> str:
    return line if len(line) <= limit else f"{line[:limit]}..."
