"""A GPU that does not exist, behind pycuda.driver and the CUDA driver library, with the rules of the real ones.

Work on a stream waits until the stream is synchronised; while a stream is captured it goes into the graph. What
the real ones answer to a broken rule, these answer: an error number, or an exception of pycuda's.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from colocate.worker import cuda

Work = tuple[float, Callable[[], None]]  # how long it takes, in ms, and what it does

# CUresult of the CUDA driver API.
TEXTS = {
    35: b"CUDA driver version is insufficient for CUDA runtime version",
    100: b"no CUDA-capable device is detected",
    201: b"invalid device context",
    400: b"invalid resource handle",
    401: b"the operation cannot be performed in the present state",
    800: b"operation not permitted",
    901: b"operation failed due to a previous error during capture",
}


class Error(Exception):
    """pycuda's own, a child of Exception and of nothing else."""


class LogicError(Error):
    pass


class MemoryError(Error):  # noqa: A001 - pycuda's name
    pass


@dataclass
class Gpu:
    """The state of the device and of its driver."""

    name: str = "Orin"
    capability: tuple[int, int] = (8, 7)
    free_bytes: int = 1 << 30
    refusal: int = 0  # what cuInit answers
    taken: bool = False  # by another program, for itself alone
    flags: int | None = None
    initialised: bool = False
    contexts: list[Context] = field(default_factory=list)
    streams: dict[int, Stream] = field(default_factory=dict)
    allocations: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)
    pinned: set[int] = field(default_factory=set)
    locked: dict[int, int] = field(default_factory=dict)  # bytes from an address on that were the program's own
    graphs: dict[int, list[Work]] = field(default_factory=dict)
    launches: int = 0
    now_ms: float = 0.0
    has_nvcc: bool = True
    copies_ms: Iterator[float] = field(default_factory=lambda: itertools.repeat(1.0))  # of the kernel that copies
    fault: str = ""  # what the next synchronisation fails with
    at_exit: list[Callable[[], object]] = field(default_factory=list)

    def current(self, call: str) -> None:
        if not self.contexts:
            raise LogicError(f"{call} failed: invalid device context")

    def memory(self, pointer: int) -> npt.NDArray[np.uint8]:
        """From `pointer` to the end of what was allocated there."""
        for begin, array in self.allocations.items():
            if begin <= pointer < begin + array.nbytes:
                return array[pointer - begin :]
        raise LogicError("cuMemcpy failed: invalid argument")


class Context:
    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def push(self) -> None:
        self._gpu.contexts.append(self)

    def pop(self) -> None:
        self._gpu.current("cuCtxPopCurrent")
        self._gpu.contexts.pop()


class Stream:
    def __init__(self, gpu: Gpu) -> None:
        gpu.current("cuStreamCreate")
        self._gpu, self.handle = gpu, 0x1000 + len(gpu.streams)
        self.waiting: list[Work] = []
        self.capture: list[Work] | None = None
        self.spoiled = False
        gpu.streams[self.handle] = self

    def put(self, duration_ms: float, work: Callable[[], None]) -> None:
        (self.waiting if self.capture is None else self.capture).append((duration_ms, work))

    def synchronize(self) -> None:
        if self.capture is not None:
            self.spoiled = True
            raise LogicError("cuStreamSynchronize failed: operation not permitted when stream is capturing")
        while self.waiting:
            duration_ms, work = self.waiting.pop(0)
            self._gpu.now_ms += duration_ms
            work()
        if self._gpu.fault:
            raise LogicError(f"cuStreamSynchronize failed: {self._gpu.fault}")


class Event:
    def __init__(self, gpu: Gpu) -> None:
        gpu.current("cuEventCreate")
        self._gpu = gpu
        self._recorded = False
        self._at_ms: float | None = None

    def record(self, stream: Stream) -> Event:
        def mark() -> None:
            self._at_ms = self._gpu.now_ms

        self._recorded, self._at_ms = True, None
        stream.put(0.0, mark)
        return self

    def time_since(self, event: Event) -> float:
        if not (self._recorded and event._recorded):
            raise LogicError("cuEventElapsedTime failed: invalid resource handle")
        if self._at_ms is None or event._at_ms is None:
            raise LogicError("cuEventElapsedTime failed: device not ready")
        return self._at_ms - event._at_ms


class Allocation:
    def __init__(self, gpu: Gpu, size: int) -> None:
        gpu.current("cuMemAlloc")
        if size > gpu.free_bytes:
            raise MemoryError("cuMemAlloc failed: out of memory")
        gpu.free_bytes -= size
        ends = (pointer + array.nbytes for pointer, array in gpu.allocations.items())
        self._pointer = max(ends, default=0x7F0000000000) + 512
        gpu.allocations[self._pointer] = np.full(size, 0xCD, np.uint8)

    def __int__(self) -> int:
        return self._pointer


class Device:
    multiprocessor_count = 16

    def __init__(self, gpu: Gpu, number: int) -> None:
        if not gpu.initialised:
            raise LogicError("cuDeviceGet failed: initialization error")
        assert number == 0
        self._gpu = gpu

    def name(self) -> str:
        return self._gpu.name

    def compute_capability(self) -> tuple[int, int]:
        return self._gpu.capability

    def retain_primary_context(self) -> Context:
        if self._gpu.taken:
            raise LogicError("cuDevicePrimaryCtxRetain failed: CUDA-capable device(s) is/are busy or unavailable")
        return Context(self._gpu)


class Driver:
    """The functions of pycuda.driver that a backend may use."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def init(self) -> None:
        self._gpu.initialised = True

    def mem_alloc(self, size: int) -> Allocation:
        return Allocation(self._gpu, size)

    def pagelocked_empty(self, shape: int | Sequence[int], dtype: Any) -> npt.NDArray[Any]:
        self._gpu.current("cuMemHostAlloc")
        array = np.empty(shape, dtype)
        self._gpu.pinned.add(array.ctypes.data)
        return array

    def memcpy_htod(self, dest: int, src: npt.NDArray[Any]) -> None:
        device = self._gpu.memory(dest)
        if src.nbytes > device.nbytes:
            raise LogicError("cuMemcpyHtoD failed: invalid argument")
        np.copyto(device[: src.nbytes], src.view(np.uint8))

    def memcpy_htod_async(self, dest: Allocation, src: npt.NDArray[Any], stream: Stream) -> None:
        device = self._gpu.memory(int(dest))
        host = self._copied(stream, src, device.nbytes)
        stream.put(0.25, lambda: np.copyto(device[: host.nbytes], host))

    def memcpy_dtoh_async(self, dest: npt.NDArray[Any], src: Allocation, stream: Stream) -> None:
        device = self._gpu.memory(int(src))
        host = self._copied(stream, dest, device.nbytes)
        stream.put(0.25, lambda: np.copyto(host, device[: host.nbytes]))

    def _copied(self, stream: Stream, host: npt.NDArray[Any], size: int) -> npt.NDArray[np.uint8]:
        if host.ctypes.data not in self._gpu.pinned and stream.capture is not None:
            stream.spoiled = True
            raise LogicError("cuMemcpyAsync failed: operation not permitted when stream is capturing")
        if host.nbytes > size:
            raise LogicError("cuMemcpyAsync failed: invalid argument")
        return host.view(np.uint8)


def driver_of(gpu: Gpu) -> types.ModuleType:
    """The module pycuda.driver on this GPU."""
    calls = Driver(gpu)
    module = types.ModuleType("pycuda.driver")
    vars(module).update(
        Error=Error,
        LogicError=LogicError,
        MemoryError=MemoryError,
        Device=lambda number: Device(gpu, number),
        Stream=lambda: Stream(gpu),
        Event=lambda: Event(gpu),
        init=calls.init,
        mem_alloc=calls.mem_alloc,
        pagelocked_empty=calls.pagelocked_empty,
        memcpy_htod=calls.memcpy_htod,
        memcpy_htod_async=calls.memcpy_htod_async,
        memcpy_dtoh_async=calls.memcpy_dtoh_async,
    )
    return module


def compiler_of(gpu: Gpu) -> types.ModuleType:
    """The module pycuda.compiler on this GPU, for the one kernel that there is."""

    def copy(source: Allocation, target: Allocation, n: Any, *, stream: Stream, **_: tuple[int, ...]) -> None:
        size = 16 * int(n)
        read, written = gpu.memory(int(source))[:size], gpu.memory(int(target))[:size]
        stream.put(next(gpu.copies_ms), lambda: np.copyto(written, read))

    class SourceModule:
        def __init__(self, source: str, no_extern_c: bool) -> None:
            gpu.current("cuModuleLoadDataEx")
            if not gpu.has_nvcc:
                raise OSError("nvcc was not found (is it on the PATH?)")
            assert no_extern_c, "otherwise the name in the source is not the kernel's"

        def get_function(self, name: str) -> Callable[..., None]:
            return {"copy": copy}[name]

    module = types.ModuleType("pycuda.compiler")
    vars(module).update(SourceModule=SourceModule)
    return module


class Library:
    """libcuda.so.1, called as through ctypes: references in, the number of an error out."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def cuInit(self, flags: int) -> int:  # noqa: N802 - CUDA's names, here and below
        return self._gpu.refusal

    def cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        device._obj.value = number
        return 0

    def cuDevicePrimaryCtxSetFlags_v2(self, device: ctypes.c_int, flags: int) -> int:  # noqa: N802
        self._gpu.flags = flags
        return 0

    def cuMemHostRegister_v2(self, pointer: ctypes.c_void_p, size: ctypes.c_size_t, flags: int) -> int:  # noqa: N802
        if not self._gpu.contexts:
            return 201
        self._gpu.locked[pointer.value or 0] = size.value
        return 0

    def cuGetErrorString(self, code: int, text: Any) -> int:  # noqa: N802
        text._obj.value = TEXTS[code]
        return 0

    def cuStreamBeginCapture_v2(self, handle: ctypes.c_void_p, mode: int) -> int:  # noqa: N802
        stream = self._gpu.streams.get(handle.value or 0)
        if stream is None or stream.capture is not None:
            return 400 if stream is None else 401
        stream.capture, stream.spoiled = [], False
        return 0

    def cuStreamEndCapture(self, handle: ctypes.c_void_p, graph: Any) -> int:  # noqa: N802
        stream = self._gpu.streams[handle.value or 0]
        if stream.capture is None:
            return 401
        captured, stream.capture = stream.capture, None
        if stream.spoiled:
            return 901
        graph._obj.value = 0x2000 + len(self._gpu.graphs)
        self._gpu.graphs[graph._obj.value] = captured
        return 0

    def cuGraphInstantiateWithFlags(self, executable: Any, graph: ctypes.c_void_p, flags: Any) -> int:  # noqa: N802
        if graph.value not in self._gpu.graphs:
            return 400
        executable._obj.value = graph.value
        return 0

    def cuGraphLaunch(self, executable: ctypes.c_void_p, handle: ctypes.c_void_p) -> int:  # noqa: N802
        if self._gpu.refusal:
            return self._gpu.refusal
        self._gpu.launches += 1
        for duration_ms, work in self._gpu.graphs[executable.value or 0]:
            # A graph costs less to launch than its parts.
            self._gpu.streams[handle.value or 0].put(duration_ms / 2, work)
        return 0


def plugged_in(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Gpu:
    """`gpu` is this machine's first, until the test ends."""
    driver = driver_of(gpu)
    package = types.ModuleType("pycuda")
    vars(package).update(driver=driver, VERSION=(2026, 1))
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    monkeypatch.setitem(sys.modules, "pycuda.compiler", compiler_of(gpu))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library(gpu))
    monkeypatch.setattr(cuda, "atexit", types.SimpleNamespace(register=gpu.at_exit.append))
    return gpu
