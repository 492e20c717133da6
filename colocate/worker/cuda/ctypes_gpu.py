"""A GPU through ctypes and the driver's library, without anything to compile."""

import ctypes
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colocate.worker.cuda.driver import Driver
from colocate.worker.cuda.gpu import NON_BLOCKING, CudaGpu, CudaStream

if TYPE_CHECKING:
    import numpy.typing as npt


class CtypesGpu(CudaGpu):
    """See `CudaGpu`."""

    calls = "ctypes"

    def enter(self) -> None:
        """See `CudaGpu.enter`."""
        context = ctypes.c_void_p()
        self.driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self.device)
        self.driver.call("cuCtxSetCurrent", context)

    @property
    def free_bytes(self) -> int:
        """See `CudaGpu.free_bytes`."""
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.driver.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def allocated(self, size: int) -> int:
        """See `CudaGpu.allocated`."""
        address = ctypes.c_uint64()
        self.driver.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
        return address.value

    def pinned(self, size: int) -> "npt.NDArray[Any]":
        """See `CudaGpu.pinned`."""
        address = ctypes.c_void_p()
        self.driver.call("cuMemHostAlloc", ctypes.byref(address), ctypes.c_size_t(size), 0)
        content = (ctypes.c_uint8 * size).from_address(address.value or 0)
        array: "npt.NDArray[Any]" = np.ctypeslib.as_array(content)
        return array

    def fill(self, address: int, array: "npt.NDArray[Any]") -> None:
        """See `CudaGpu.fill`."""
        self.driver.call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), *_content(array))
        # The copy may have come only as far as a buffer of the driver's.
        self.driver.call("cuCtxSynchronize")

    def stream(self) -> CudaStream:
        """See `CudaGpu.stream`."""
        return CtypesStream(self.driver)

    def kernel(self, ptx: str, name: str) -> ctypes.c_void_p:
        """See `CudaGpu.kernel`."""
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.driver.call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(ptx.encode()))
        self.driver.call("cuModuleGetFunction", ctypes.byref(function), module, ctypes.c_char_p(name.encode()))
        return function


class CtypesStream(CudaStream):
    """See `CudaStream`."""

    def __init__(self, driver: Driver) -> None:
        stream, events, self._ms = ctypes.c_void_p(), (ctypes.c_void_p(), ctypes.c_void_p()), ctypes.c_float()
        driver.call("cuStreamCreate", ctypes.byref(stream), NON_BLOCKING)
        for event in events:
            driver.call("cuEventCreate", ctypes.byref(event), 0)
        self.handle = stream.value or 0
        self._driver, self._stream = driver, stream
        self.begin, self.end = (driver.bound("cuEventRecord", event, stream) for event in events)
        self.wait = driver.bound("cuStreamSynchronize", stream)
        self._read = driver.bound("cuEventElapsedTime", ctypes.byref(self._ms), *events)

    def device_s(self) -> float:
        """See `CudaStream.device_s`."""
        self._read()
        return self._ms.value * 1e-3

    def copy_in(self, address: int, array: "npt.NDArray[Any]") -> "Callable[[], None]":
        """See `CudaStream.copy_in`."""
        place = ctypes.c_uint64(address)
        return self._driver.bound("cuMemcpyHtoDAsync_v2", place, *_content(array), self._stream)

    def copy_out(self, array: "npt.NDArray[Any]", address: int) -> "Callable[[], None]":
        """See `CudaStream.copy_out`."""
        pointer, size = _content(array)
        return self._driver.bound("cuMemcpyDtoHAsync_v2", pointer, ctypes.c_uint64(address), size, self._stream)

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: "Sequence[int]") -> "Callable[[], None]":
        """See `CudaStream.launch`."""
        # The driver reads them at each launch: a pointer of ctypes keeps its number alive, an address does not.
        pointers = (ctypes.POINTER(ctypes.c_uint64) * len(arguments))(
            *(ctypes.pointer(ctypes.c_uint64(number)) for number in arguments)
        )
        return self._driver.bound(
            "cuLaunchKernel", kernel, blocks, 1, 1, threads, 1, 1, 0, self._stream, pointers, None
        )


def _content(array: "npt.NDArray[Any]") -> "tuple[ctypes.c_void_p, ctypes.c_size_t]":
    return ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)
