"""What runtimes on an NVIDIA GPU share: its context, memory, streams, graphs, and what CUDA's errors ask of the user.

Through ctypes, from the driver's own library (libcuda, the CUDA driver API): it is there wherever a GPU can be used,
and nothing has to be compiled against CUDA's headers. Whatever is allocated here lives as long as the process.
"""

import contextlib
import ctypes
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from colocate.worker.errors import WorkerError
from colocate.worker.older import product

if TYPE_CHECKING:
    import numpy.typing as npt

# CUctx_flags: how a thread waits for the GPU.
_SCHEDULE = {"spin": 0x01, "block": 0x04}
# CUstreamCaptureMode: only calls of the capturing thread can spoil a capture.
_CAPTURE_THREAD_LOCAL = 1
# CUstream_flags: does not wait for the default stream.
_NON_BLOCKING = 1
# CUdevice_attribute.
_PROCESSORS, _CAPABILITY_MAJOR, _CAPABILITY_MINOR = 16, 75, 76
_NAME_BYTES = 256
# Parts of what CUDA, cuDNN, ONNX Runtime and TensorRT say, and what its reader can do.
_REMEDIES = (
    (("out of memory", "out_of_memory", "outofmemory", "failed to allocate memory", "alloc_failed"),
     "the GPU's memory is full: lower --batch, or end what else uses the GPU (nvidia-smi lists it)"),
    (("insufficientdriver", "insufficient for cuda", "unsupported ptx", "system_driver_mismatch", "driver version",
      "failure with error: 35"),
     "the NVIDIA driver is older than this runtime needs: update it, or install the runtime for its CUDA version"),
    (("busy or unavailable", "devicesunavailable", "device unavailable", "exclusive"),
     "another program holds the GPU in exclusive mode: end it (nvidia-smi lists it)"),
    (("when stream is capturing", "error during capture"),
     "this network cannot be captured as a CUDA graph: leave out --graph"),
    (("not permitted", "notpermitted", "permission", "operation_not_supported"),
     "this user may not use the GPU: see that /dev/nvidia* can be read and written (group video on a Jetson)"),
    (("no cuda-capable device", "nodevice", "no_device", "libcuda.so", "failed call to cuinit"),
     "there is no NVIDIA GPU with a driver that this process can see"),
)  # fmt: skip


class Driver:
    """The driver's library. Each of its functions gives 0, or the number of an error, which becomes a WorkerError."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            raise WorkerError(explained(str(error))) from error

    def has(self, name: str) -> bool:
        """Whether this driver is new enough for a function."""
        return hasattr(self._library, name)

    def call(self, name: str, *arguments: Any) -> None:
        """Call the function. A number that is no `c_...` of ctypes is a 32-bit integer."""
        self.bound(name, *arguments)()

    def bound(self, name: str, *arguments: Any) -> "Callable[[], None]":
        """A call with these arguments that can be made again and again."""
        function = getattr(self._library, name)

        def call() -> None:
            code = function(*arguments)
            if code:
                raise self._error(code)

        return call

    def _error(self, code: int) -> WorkerError:
        text = ctypes.c_char_p()
        self._library.cuGetErrorString(code, ctypes.byref(text))
        return WorkerError(explained(f"CUDA error {code}: {(text.value or b'unknown').decode()}"))


class CudaGpu:
    """A GPU whose context is current in this thread: the one that CUDA's runtime library uses, and so every runtime.

    GPUs are numbered as nvidia-smi numbers them. A waiting thread is to `spin` or to `block`: this must be set before
    the context is there, so a backend makes this first thing. Raises WorkerError, as all that is asked of it does.
    """

    def __init__(self, wait: str, device: "str | None" = None) -> None:
        kind, _, given = (device or "cuda:0").partition(":")
        if kind != "cuda":
            raise WorkerError(f"it runs on a GPU, not on {device}: TensorRT alone runs networks there")
        number = int(given)
        os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        self.driver = driver = Driver()
        self.number = number
        handle, count, context = ctypes.c_int(), ctypes.c_int(), ctypes.c_void_p()
        driver.call("cuInit", 0)
        driver.call("cuDeviceGetCount", ctypes.byref(count))
        if number >= count.value:
            raise WorkerError(f"there is no GPU {number}: this process sees {count.value}, counted from 0")
        driver.call("cuDeviceGet", ctypes.byref(handle), number)
        self._device = handle
        # Before CUDA 11 it had the shorter name.
        version = "_v2" if driver.has("cuDevicePrimaryCtxSetFlags_v2") else ""
        driver.call(f"cuDevicePrimaryCtxSetFlags{version}", handle, _SCHEDULE[wait])
        driver.call("cuDevicePrimaryCtxRetain", ctypes.byref(context), handle)
        driver.call("cuCtxSetCurrent", context)

    @property
    def name(self) -> str:
        """As its driver calls it."""
        text = ctypes.create_string_buffer(_NAME_BYTES)
        self.driver.call("cuDeviceGetName", text, _NAME_BYTES, self._device)
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
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        self.driver.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
        return free.value

    def memory(self, size: int) -> int:
        """The address of so many bytes on the GPU."""
        address = ctypes.c_uint64()
        self.driver.call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size, 1)))
        return address.value

    def host_array(self, shape: "tuple[int, ...]", dtype: Any) -> "npt.NDArray[Any]":
        """An array that stays where it is in the host's memory, so that the GPU copies from and to it directly."""
        wanted = np.dtype(dtype)
        size = product(shape) * wanted.itemsize
        address = ctypes.c_void_p()
        # An array of nothing has a place, too.
        self.driver.call("cuMemHostAlloc", ctypes.byref(address), ctypes.c_size_t(max(size, 1)), 0)
        content = (ctypes.c_uint8 * max(size, 1)).from_address(address.value or 0)
        array: "npt.NDArray[Any]" = np.ctypeslib.as_array(content)[:size].view(wanted).reshape(shape)
        return array

    def fill(self, address: int, array: "npt.NDArray[Any]") -> None:
        """Copy the array to that address on the GPU, and wait until it is there."""
        self.driver.call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), *_content(array))
        # It may be no further than in a place of the driver's.
        self.driver.call("cuCtxSynchronize")

    def copy_in(self, address: int, array: "npt.NDArray[Any]", stream: int) -> "Callable[[], None]":
        """What puts a copy from the array to that address on the stream."""
        return self.driver.bound(
            "cuMemcpyHtoDAsync_v2", ctypes.c_uint64(address), *_content(array), ctypes.c_void_p(stream)
        )

    def copy_out(self, array: "npt.NDArray[Any]", address: int, stream: int) -> "Callable[[], None]":
        """What puts a copy from that address to the array on the stream."""
        pointer, size = _content(array)
        return self.driver.bound(
            "cuMemcpyDtoHAsync_v2", pointer, ctypes.c_uint64(address), size, ctypes.c_void_p(stream)
        )

    def function(self, ptx: str, name: str) -> ctypes.c_void_p:
        """The kernel of that name in a program, which the driver compiles for this GPU."""
        module, function = ctypes.c_void_p(), ctypes.c_void_p()
        self.driver.call("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(ptx.encode()))
        self.driver.call("cuModuleGetFunction", ctypes.byref(function), module, ctypes.c_char_p(name.encode()))
        return function

    def launch(
        self, function: ctypes.c_void_p, blocks: int, threads: int, stream: int, arguments: "Sequence[int]"
    ) -> "Callable[[], None]":
        """What puts a kernel on the stream, in one dimension; its `arguments` are 64-bit integers and addresses."""
        # The driver reads them where they lie: pointers keep what they point to, which an address does not.
        pointers = (ctypes.POINTER(ctypes.c_uint64) * len(arguments))(
            *(ctypes.pointer(ctypes.c_uint64(number)) for number in arguments)
        )
        return self.driver.bound(
            "cuLaunchKernel", function, blocks, 1, 1, threads, 1, 1, 0, ctypes.c_void_p(stream), pointers, None
        )

    def captured(self, stream: int, enqueue: "Callable[[], None]") -> "Callable[[], None]":
        """What `enqueue` puts on the stream, as one CUDA graph: call the result to launch it there."""
        driver, handle = self.driver, ctypes.c_void_p(stream)
        graph, executable = ctypes.c_void_p(), ctypes.c_void_p()
        driver.call("cuStreamBeginCapture_v2", handle, _CAPTURE_THREAD_LOCAL)
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

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self.driver.call("cuDeviceGetAttribute", ctypes.byref(value), number, self._device)
        return value.value


class Stopwatch:
    """A stream of its own, and how long what is launched on it takes on the GPU: between two events around it."""

    def __init__(self, gpu: CudaGpu) -> None:
        driver = gpu.driver
        stream, events, self._ms = ctypes.c_void_p(), (ctypes.c_void_p(), ctypes.c_void_p()), ctypes.c_float()
        driver.call("cuStreamCreate", ctypes.byref(stream), _NON_BLOCKING)
        for event in events:
            driver.call("cuEventCreate", ctypes.byref(event), 0)
        self.stream = stream.value or 0
        self._begin, self._end = (driver.bound("cuEventRecord", event, stream) for event in events)
        self.wait = driver.bound("cuStreamSynchronize", stream)
        self._read = driver.bound("cuEventElapsedTime", ctypes.byref(self._ms), *events)

    def time(self, launch: "Callable[[], None]") -> None:
        """Call `launch`, which puts its work on the stream, and wait until that is done. Raises WorkerError."""
        self._begin()
        launch()
        self._end()
        self.wait()

    def device_s(self) -> float:
        """How long the last of it took."""
        self._read()
        return self._ms.value * 1e-3


def explained(message: str) -> str:
    """`message` on one line, led by what to do where it is known."""
    line = " ".join(message.split())
    low = line.lower()
    for parts, remedy in _REMEDIES:
        if any(part in low for part in parts):
            return f"{remedy} [{_shortened(line)}]"
    return _shortened(line)


def _content(array: "npt.NDArray[Any]") -> "tuple[ctypes.c_void_p, ctypes.c_size_t]":
    return ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)


def _shortened(line: str, limit: int = 300) -> str:
    return line if len(line) <= limit else f"{line[:limit]}..."
