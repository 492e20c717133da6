"""A GPU through pycuda, if pycuda was built for this Python and this CUDA."""

import atexit
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colocate.worker.cuda.explanations import explained
from colocate.worker.cuda.gpu import NON_BLOCKING, CudaGpu, CudaStream
from colocate.worker.errors import WorkerError

if TYPE_CHECKING:
    import numpy.typing as npt


class PycudaGpu(CudaGpu):
    """See `CudaGpu`. pycuda enters the context itself, as it makes objects only in contexts that it entered.

    `pycuda` is the package, whose module `driver` is already imported.
    """

    def __init__(self, number: int, wait: str, pycuda: Any) -> None:
        self._pycuda = pycuda.driver
        self.calls = f"pycuda {pycuda.VERSION_TEXT}"
        # pycuda frees what nobody holds any more.
        self._held: "list[Any]" = []
        super().__init__(number, wait)

    def enter(self) -> None:
        """See `CudaGpu.enter`."""
        self.call(self._pycuda.init)
        context = self.call(self.call(self._pycuda.Device, self.number).retain_primary_context)
        self.call(context.push)
        # pycuda aborts a process that ends while a context is current.
        atexit.register(context.pop)

    @property
    def free_bytes(self) -> int:
        """See `CudaGpu.free_bytes`."""
        free, _ = self.call(self._pycuda.mem_get_info)
        return int(free)

    def allocated(self, size: int) -> int:
        """See `CudaGpu.allocated`."""
        self._held.append(self.call(self._pycuda.mem_alloc, size))
        return int(self._held[-1])

    def pinned(self, size: int) -> "npt.NDArray[Any]":
        """See `CudaGpu.pinned`."""
        array: "npt.NDArray[Any]" = self.call(self._pycuda.pagelocked_empty, size, np.uint8)
        self._held.append(array)
        return array

    def fill(self, address: int, array: "npt.NDArray[Any]") -> None:
        """See `CudaGpu.fill`."""
        self.call(self._pycuda.memcpy_htod, address, array)
        # The copy may have come only as far as a buffer of the driver's.
        self.call(self._pycuda.Context.synchronize)

    def stream(self) -> CudaStream:
        """See `CudaGpu.stream`."""
        return PycudaStream(self._pycuda, self.bound)

    def kernel(self, ptx: str, name: str) -> Any:
        """See `CudaGpu.kernel`."""
        return self.call(self.call(self._pycuda.module_from_buffer, ptx.encode()).get_function, name)

    def call(self, function: "Callable[..., Any]", *arguments: Any, **named: Any) -> Any:
        """Return what the function returns. An error of pycuda becomes a WorkerError."""
        return self.bound(function, *arguments, **named)()

    def bound(self, function: "Callable[..., Any]", *arguments: Any, **named: Any) -> "Callable[[], Any]":
        """Return a function that makes this call with these arguments, as often as it is called."""
        error_of_pycuda: "type[Exception]" = self._pycuda.Error

        def call() -> Any:
            try:
                return function(*arguments, **named)
            except error_of_pycuda as error:
                raise WorkerError(explained(str(error))) from error

        return call


class PycudaStream(CudaStream):
    """See `CudaStream`. `bound` is `PycudaGpu.bound` of its GPU."""

    def __init__(self, pycuda: Any, bound: "Callable[..., Callable[[], Any]]") -> None:
        self._pycuda, self._bound = pycuda, bound
        self._stream = bound(pycuda.Stream, NON_BLOCKING)()
        self.handle = int(self._stream.handle)
        begin, end = (bound(pycuda.Event)() for _ in range(2))
        self.begin, self.end = (bound(event.record, self._stream) for event in (begin, end))
        self.wait = bound(self._stream.synchronize)
        self._elapsed_ms = bound(end.time_since, begin)

    def device_s(self) -> float:
        """See `CudaStream.device_s`."""
        return float(self._elapsed_ms()) * 1e-3

    def copy_in(self, address: int, array: "npt.NDArray[Any]") -> "Callable[[], None]":
        """See `CudaStream.copy_in`."""
        return self._bound(self._pycuda.memcpy_htod_async, address, array, self._stream)

    def copy_out(self, array: "npt.NDArray[Any]", address: int) -> "Callable[[], None]":
        """See `CudaStream.copy_out`."""
        return self._bound(self._pycuda.memcpy_dtoh_async, array, address, self._stream)

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: "Sequence[int]") -> "Callable[[], None]":
        """See `CudaStream.launch`."""
        shape = {"grid": (blocks, 1), "block": (threads, 1, 1)}
        return self._bound(kernel, *map(np.uint64, arguments), stream=self._stream, **shape)
