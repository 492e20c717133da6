"""CUDA graphs. pycuda does not offer them, so the driver's library always captures them."""

import contextlib
import ctypes
from collections.abc import Callable

from colocate.worker.cuda.driver import Driver
from colocate.worker.errors import WorkerError

# CUstreamCaptureMode: only calls of the capturing thread can spoil a capture.
_THREAD_LOCAL = 1


def captured(driver: Driver, stream: int, enqueue: "Callable[[], None]") -> "Callable[[], None]":
    """Capture what `enqueue` puts on the stream as a CUDA graph, and return a function that launches it. Raises
    WorkerError.
    """
    handle, graph, executable = ctypes.c_void_p(stream), ctypes.c_void_p(), ctypes.c_void_p()
    driver.call("cuStreamBeginCapture_v2", handle, _THREAD_LOCAL)
    end = driver.bound("cuStreamEndCapture", handle, ctypes.byref(graph))
    try:
        enqueue()
    except BaseException:
        # The first failure is the reason; that the capture is spoiled follows from it.
        with contextlib.suppress(WorkerError):
            end()
        raise
    end()
    if driver.has("cuGraphInstantiateWithFlags"):
        driver.call("cuGraphInstantiateWithFlags", ctypes.byref(executable), graph, ctypes.c_uint64(0))
    else:
        # Before CUDA 11.4: with room for a log, which is not wanted.
        driver.call("cuGraphInstantiate", ctypes.byref(executable), graph, None, None, ctypes.c_size_t(0))
    return driver.bound("cuGraphLaunch", executable, handle)
