"""A GPU as backends use it. Two classes fill in what is open here: one through pycuda, one through ctypes.

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
    """A stream of its own, and how long what is launched on it takes on the GPU: between two events around it.

    `handle` is CUDA's own. What `copy_in` and its neighbours return puts work on the stream each time it is called.
    All of it raises WorkerError.
    """

    handle: int
    # Each puts an event on the stream.
    begin: "Callable[[], None]"
    end: "Callable[[], None]"
    # Returns when all that is on the stream is done.
    wait: "Callable[[], None]"

    def time(self, launch: "Callable[[], None]") -> None:
        """Call `launch`, which puts its work on the stream, and wait until that is done."""
        self.begin()
        launch()
        self.end()
        self.wait()

    def device_s(self) -> float:
        """How long the last launch took on the GPU, in seconds."""
        raise NotImplementedError

    def copy_in(self, address: int, array: "npt.NDArray[Any]") -> "Callable[[], None]":
        """A copy from the array to that address on the GPU."""
        raise NotImplementedError

    def copy_out(self, array: "npt.NDArray[Any]", address: int) -> "Callable[[], None]":
        """A copy from that address to the array."""
        raise NotImplementedError

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: "Sequence[int]") -> "Callable[[], None]":
        """A kernel in one dimension; its `arguments` are 64-bit integers and addresses."""
        raise NotImplementedError


class CudaGpu:
    """A GPU whose context is current in this thread: the one that CUDA's runtime library uses, and so every runtime.

    GPUs are numbered as nvidia-smi numbers them. A waiting thread is to `spin` or to `block`: this must be set before
    the context is there, so a backend makes this first thing. Raises WorkerError, as all that is asked of it does.
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
        """Its compute capability, major and minor."""
        return self._attribute(_CAPABILITY_MAJOR), self._attribute(_CAPABILITY_MINOR)

    @property
    def processors(self) -> int:
        """How many streaming multiprocessors it has."""
        return self._attribute(_PROCESSORS)

    @property
    def free_bytes(self) -> int:
        """How much of its memory nobody holds at the moment."""
        raise NotImplementedError

    def memory(self, size: int) -> int:
        """The address of so many bytes on the GPU."""
        # An array of nothing has a place, too.
        return self.allocated(max(size, 1))

    def host_array(self, shape: "tuple[int, ...]", dtype: Any) -> "npt.NDArray[Any]":
        """An array that stays where it is in the host's memory, so that the GPU copies from and to it directly."""
        wanted = np.dtype(dtype)
        size = product(shape) * wanted.itemsize
        array: "npt.NDArray[Any]" = self.pinned(max(size, 1))[:size].view(wanted).reshape(shape)
        return array

    def allocated(self, size: int) -> int:
        """See `memory`; of one byte at the least."""
        raise NotImplementedError

    def pinned(self, size: int) -> "npt.NDArray[Any]":
        """So many bytes of pinned memory, for `host_array`."""
        raise NotImplementedError

    def fill(self, address: int, array: "npt.NDArray[Any]") -> None:
        """Copy the array to that address on the GPU, and wait until it is there."""
        raise NotImplementedError

    def stream(self) -> CudaStream:
        """A new stream on this GPU."""
        raise NotImplementedError

    def kernel(self, ptx: str, name: str) -> Any:
        """The kernel of that name in a program, which the driver compiles for this GPU."""
        raise NotImplementedError

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self.driver.call("cuDeviceGetAttribute", ctypes.byref(value), number, self.device)
        return value.value
