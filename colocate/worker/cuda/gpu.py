"""A GPU as backends use it. Two subclasses make the calls, one through pycuda, one through ctypes.

Whatever is allocated here lives as long as the process.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colocate.worker.cuda.driver import Driver
from colocate.worker.errors import WorkerError
from colocate.worker.older import product

if TYPE_CHECKING:
    import numpy.typing as npt

# CUctx_flags: how a thread waits for the GPU.
_SCHEDULE = {"spin": 0x01, "block": 0x04}
# CUdevice_attribute.
_PROCESSORS, _CAPABILITY_MAJOR, _CAPABILITY_MINOR = 16, 75, 76
_NAME_BYTES = 256
# CUstream_flags: does not wait for the default stream.
NON_BLOCKING = 1


class CudaStream:
    """A separate stream, and how long its work takes on the GPU, measured between two events.

    `handle` is CUDA's own. `copy_in`, `copy_out` and `launch` return a function, which may be called repeatedly. All
    methods raise WorkerError.
    """

    handle: int
    # Each puts an event on the stream.
    begin: "Callable[[], None]"
    end: "Callable[[], None]"
    # Returns when all that is on the stream is done.
    wait: "Callable[[], None]"

    def time(self, launch: "Callable[[], None]") -> None:
        """Call `launch`, which puts its work on the stream, and wait until that work is done."""
        self.begin()
        launch()
        self.end()
        self.wait()

    def device_s(self) -> float:
        """How long the work of the last `time` took on the GPU, in seconds."""
        raise NotImplementedError

    def copy_in(self, address: int, array: "npt.NDArray[Any]") -> "Callable[[], None]":
        """Return a function that starts a copy from `array` to the GPU's `address`, on this stream."""
        raise NotImplementedError

    def copy_out(self, array: "npt.NDArray[Any]", address: int) -> "Callable[[], None]":
        """Return a function that starts a copy from the GPU's `address` to `array`, on this stream."""
        raise NotImplementedError

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: "Sequence[int]") -> "Callable[[], None]":
        """Return a function that starts `kernel` on this stream. `arguments` are 64-bit integers and addresses."""
        raise NotImplementedError


class CudaGpu:
    """A GPU whose context is current in this thread. It is the context of CUDA's runtime library, and so of every
    runtime.

    GPUs are numbered as nvidia-smi numbers them. `wait` says how a thread waits for the GPU: `spin` or `block`. It
    must be set before the context exists, so a backend makes this object first. All methods raise WorkerError.
    """

    # What makes the calls, for the facts of a run.
    calls = ""

    def __init__(self, number: int, wait: str) -> None:
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        self.driver = driver = Driver()
        self.number = number
        self.device, count = ctypes.c_int(), ctypes.c_int()
        driver.call("cuInit", 0)
        driver.call("cuDeviceGetCount", ctypes.byref(count))
        if number >= count.value:
            raise WorkerError(f"there is no GPU {number}: this process sees {count.value}, counted from 0")
        driver.call("cuDeviceGet", ctypes.byref(self.device), number)
        # Before CUDA 11 it had the shorter name.
        version = "_v2" if driver.has("cuDevicePrimaryCtxSetFlags_v2") else ""
        driver.call(f"cuDevicePrimaryCtxSetFlags{version}", self.device, _SCHEDULE[wait])
        self.enter()

    def enter(self) -> None:
        """Make the context current in this thread, until the process ends."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The GPU's name, as its driver gives it."""
        text = ctypes.create_string_buffer(_NAME_BYTES)
        self.driver.call("cuDeviceGetName", text, _NAME_BYTES, self.device)
        return text.value.decode(errors="replace")

    @property
    def capability(self) -> "tuple[int, int]":
        """Its compute capability: the major and the minor number."""
        return self._attribute(_CAPABILITY_MAJOR), self._attribute(_CAPABILITY_MINOR)

    @property
    def processors(self) -> int:
        """How many streaming multiprocessors it has."""
        return self._attribute(_PROCESSORS)

    @property
    def free_bytes(self) -> int:
        """How many bytes of its memory are free at the moment."""
        raise NotImplementedError

    def memory(self, size: int) -> int:
        """Allocate `size` bytes on the GPU and return their address."""
        # An empty array needs an address, too.
        return self.allocated(max(size, 1))

    def host_array(self, shape: "tuple[int, ...]", dtype: Any) -> "npt.NDArray[Any]":
        """Return an array in pinned host memory, which the GPU reads and writes directly."""
        wanted = np.dtype(dtype)
        size = product(shape) * wanted.itemsize
        array: "npt.NDArray[Any]" = self.pinned(max(size, 1))[:size].view(wanted).reshape(shape)
        return array

    def allocated(self, size: int) -> int:
        """See `memory`; `size` is at least 1."""
        raise NotImplementedError

    def pinned(self, size: int) -> "npt.NDArray[Any]":
        """Return `size` bytes of pinned host memory, for `host_array`."""
        raise NotImplementedError

    def fill(self, address: int, array: "npt.NDArray[Any]") -> None:
        """Copy `array` to `address` on the GPU, and wait until it is there."""
        raise NotImplementedError

    def stream(self) -> CudaStream:
        """A new stream on this GPU."""
        raise NotImplementedError

    def kernel(self, ptx: str, name: str) -> Any:
        """Return the kernel `name` of a PTX program, which the driver compiles for this GPU."""
        raise NotImplementedError

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self.driver.call("cuDeviceGetAttribute", ctypes.byref(value), number, self.device)
        return value.value
