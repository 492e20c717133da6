"""A GPU that does not exist, behind the CUDA driver library, with the rules of the real one.

Work on a stream waits until the stream is synchronised; while a stream is captured it goes into the graph. It answers
to a broken rule with the error number of the real one. Arguments come as through ctypes: references and `c_...`.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Work = tuple[float, Callable[[], None]]  # how long it takes, in ms, and what it does

# CUresult of the CUDA driver API.
INVALID_VALUE, NO_MEMORY, NOT_INITIALISED, NO_CONTEXT, NO_HANDLE = 1, 2, 3, 201, 400
WRONG_STATE, NOT_READY, CAPTURING, SPOILED = 401, 600, 900, 901
TEXTS = {
    1: b"invalid argument",
    2: b"out of memory",
    3: b"initialization error",
    35: b"CUDA driver version is insufficient for CUDA runtime version",
    46: b"CUDA-capable device(s) is/are busy or unavailable",
    100: b"no CUDA-capable device is detected",
    101: b"invalid device ordinal",
    201: b"invalid device context",
    218: b"a PTX JIT compilation failed",
    400: b"invalid resource handle",
    401: b"the operation cannot be performed in the present state",
    500: b"named symbol not found",
    600: b"device not ready",
    700: b"an illegal memory access was encountered",
    800: b"operation not permitted",
    900: b"operation not permitted when stream is capturing",
    901: b"operation failed due to a previous error during capture",
}


@dataclass
class Stream:
    """What waits to be done, and what is being captured."""

    gpu: Gpu
    handle: int
    waiting: list[Work] = field(default_factory=list)
    capture: list[Work] | None = None
    spoiled: bool = False

    def put(self, duration_ms: float, work: Callable[[], None]) -> None:
        (self.waiting if self.capture is None else self.capture).append((duration_ms, work))

    def synchronize(self) -> int:
        if self.capture is not None:
            self.spoiled = True
            return CAPTURING
        while self.waiting:
            duration_ms, work = self.waiting.pop(0)
            self.gpu.now_ms += duration_ms
            work()
        return self.gpu.fault


@dataclass
class Gpu:
    """The state of the device and of its driver."""

    name: str = "Orin"
    capability: tuple[int, int] = (8, 7)
    count: int = 1
    number: int | None = None  # of the device that was taken
    free_bytes: int = 1 << 30
    refusal: int = 0  # what cuInit answers, and later the launch of a graph
    taken: bool = False  # by another program, for itself alone
    cuda: tuple[int, int] = (13, 0)  # of the driver
    flags: int | None = None
    initialised: bool = False
    current: bool = False
    streams: dict[int, Stream] = field(default_factory=dict)
    events: dict[int, float | None] = field(default_factory=dict)  # when it was reached; None before
    recorded: set[int] = field(default_factory=set)
    allocations: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)
    pinned: dict[int, npt.NDArray[np.uint8]] = field(default_factory=dict)
    graphs: dict[int, list[Work]] = field(default_factory=dict)
    launches: int = 0
    now_ms: float = 0.0
    copies_ms: Iterator[float] = field(default_factory=lambda: itertools.repeat(1.0))  # of the kernel that copies
    fault: int = 0  # what the next synchronisation fails with

    def memory(self, pointer: int) -> npt.NDArray[np.uint8]:
        """From `pointer` to the end of what was allocated there."""
        for begin, array in self.allocations.items():
            if begin <= pointer < begin + array.nbytes:
                return array[pointer - begin :]
        raise AssertionError(f"nothing was allocated at {pointer:#x}")


# Functions that a driver before this version of CUDA does not have.
SINCE = {"cuDevicePrimaryCtxSetFlags_v2": (11, 0), "cuGraphInstantiateWithFlags": (11, 4)}
# Those that need no context.
FREE = {"cuInit", "cuDeviceGet", "cuDeviceGetCount", "cuDeviceGetName", "cuDeviceGetAttribute", "cuGetErrorString",
        "cuDevicePrimaryCtxSetFlags", "cuDevicePrimaryCtxSetFlags_v2", "cuDevicePrimaryCtxRetain",
        "cuCtxSetCurrent"}  # fmt: skip


class Library:
    """libcuda.so.1, called as through ctypes."""

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu

    def __getattr__(self, name: str) -> Callable[..., int]:
        """The function of that name, with what is asked of a process before it may be called."""
        function = getattr(type(self), f"_{name}", None)
        if function is None or self._gpu.cuda < SINCE.get(name, (0, 0)):
            raise AttributeError(name)

        def call(*arguments: Any) -> int:
            if not self._gpu.initialised and name not in ("cuInit", "cuGetErrorString"):
                return NOT_INITIALISED
            if not self._gpu.current and name not in FREE:
                return NO_CONTEXT
            return int(function(self, *arguments))

        return call

    def _cuGetErrorString(self, code: int, text: Any) -> int:  # noqa: N802 - CUDA's names, here and below
        text._obj.value = TEXTS[code]
        return 0

    def _cuInit(self, flags: int) -> int:  # noqa: N802
        self._gpu.initialised = not self._gpu.refusal
        return self._gpu.refusal

    def _cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self._gpu.count
        return 0

    def _cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        self._gpu.number = device._obj.value = number
        return 0 if number < self._gpu.count else 101

    def _cuDeviceGetName(self, text: Any, size: int, device: ctypes.c_int) -> int:  # noqa: N802
        text.value = self._gpu.name.encode()[: size - 1]
        return 0

    def _cuDeviceGetAttribute(self, value: Any, attribute: int, device: ctypes.c_int) -> int:  # noqa: N802
        value._obj.value = {16: 16, 75: self._gpu.capability[0], 76: self._gpu.capability[1]}[attribute]
        return 0

    def _cuDevicePrimaryCtxSetFlags(self, device: ctypes.c_int, flags: int) -> int:  # noqa: N802
        self._gpu.flags = flags
        return 0

    _cuDevicePrimaryCtxSetFlags_v2 = _cuDevicePrimaryCtxSetFlags  # noqa: N815

    def _cuDevicePrimaryCtxRetain(self, context: Any, device: ctypes.c_int) -> int:  # noqa: N802
        context._obj.value = 0xC0
        return 46 if self._gpu.taken else 0

    def _cuCtxSetCurrent(self, context: ctypes.c_void_p) -> int:  # noqa: N802
        self._gpu.current = True
        return 0 if context.value == 0xC0 else NO_CONTEXT

    def _cuCtxSynchronize(self) -> int:  # noqa: N802
        return self._gpu.fault

    def _cuMemAlloc_v2(self, address: Any, size: ctypes.c_size_t) -> int:  # noqa: N802
        gpu = self._gpu
        if not 0 < size.value <= gpu.free_bytes:
            return NO_MEMORY if size.value else INVALID_VALUE
        gpu.free_bytes -= size.value
        ends = (pointer + array.nbytes for pointer, array in gpu.allocations.items())
        address._obj.value = max(ends, default=0x7F0000000000) + 512
        gpu.allocations[address._obj.value] = np.full(size.value, 0xCD, np.uint8)
        return 0

    def _cuMemGetInfo_v2(self, free: Any, total: Any) -> int:  # noqa: N802
        free._obj.value, total._obj.value = self._gpu.free_bytes, 1 << 30
        return 0

    def _cuMemHostAlloc(self, address: Any, size: ctypes.c_size_t, flags: int) -> int:  # noqa: N802
        array = np.empty(size.value, np.uint8)
        address._obj.value = array.ctypes.data
        self._gpu.pinned[array.ctypes.data] = array
        return 0 if size.value else INVALID_VALUE

    def _cuMemcpyHtoD_v2(self, to: ctypes.c_uint64, host: ctypes.c_void_p, size: ctypes.c_size_t) -> int:  # noqa: N802
        device = self._gpu.memory(to.value)
        if size.value > device.nbytes:
            return INVALID_VALUE
        np.copyto(device[: size.value], at(host, size))
        return 0

    def _cuMemcpyHtoDAsync_v2(self, to: ctypes.c_uint64, host: Any, size: Any, handle: Any) -> int:  # noqa: N802
        device = self._gpu.memory(to.value)
        return self._copied(handle, host, size, device, lambda: np.copyto(device[: size.value], at(host, size)))

    def _cuMemcpyDtoHAsync_v2(self, host: Any, of: ctypes.c_uint64, size: Any, handle: Any) -> int:  # noqa: N802
        device = self._gpu.memory(of.value)
        return self._copied(handle, host, size, device, lambda: np.copyto(at(host, size), device[: size.value]))

    def _copied(self, handle: Any, host: Any, size: Any, device: Any, copy: Callable[[], None]) -> int:
        stream = self._gpu.streams.get(handle.value or 0)
        if stream is None:
            return NO_HANDLE
        if host.value not in self._gpu.pinned and stream.capture is not None:
            stream.spoiled = True
            return CAPTURING
        if size.value > device.nbytes:
            return INVALID_VALUE
        stream.put(0.25, copy)
        return 0

    def _cuStreamCreate(self, handle: Any, flags: int) -> int:  # noqa: N802
        handle._obj.value = 0x1000 + len(self._gpu.streams)
        self._gpu.streams[handle._obj.value] = Stream(self._gpu, handle._obj.value)
        return 0

    def _cuStreamSynchronize(self, handle: ctypes.c_void_p) -> int:  # noqa: N802
        return self._gpu.streams[handle.value or 0].synchronize()

    def _cuEventCreate(self, event: Any, flags: int) -> int:  # noqa: N802
        event._obj.value = 0x3000 + len(self._gpu.events)
        self._gpu.events[event._obj.value] = None
        return 0

    def _cuEventRecord(self, event: ctypes.c_void_p, handle: ctypes.c_void_p) -> int:  # noqa: N802
        gpu, number = self._gpu, event.value or 0
        gpu.recorded.add(number)
        gpu.events[number] = None
        gpu.streams[handle.value or 0].put(0.0, lambda: gpu.events.update({number: gpu.now_ms}))
        return 0

    def _cuEventElapsedTime(self, ms: Any, begin: ctypes.c_void_p, end: ctypes.c_void_p) -> int:  # noqa: N802
        if not {begin.value, end.value} <= self._gpu.recorded:
            return NO_HANDLE
        first, last = (self._gpu.events[event.value or 0] for event in (begin, end))
        if first is None or last is None:
            return NOT_READY
        ms._obj.value = last - first
        return 0

    def _cuModuleLoadData(self, module: Any, image: ctypes.c_char_p) -> int:  # noqa: N802
        module._obj.value = 0x4000
        return 0 if (image.value or b"").lstrip().startswith(b".version") else 218

    def _cuModuleGetFunction(self, function: Any, module: ctypes.c_void_p, name: ctypes.c_char_p) -> int:  # noqa: N802
        function._obj.value = 0x5000
        return 0 if name.value == b"copy" else 500

    def _cuLaunchKernel(self, function: Any, *shape: Any) -> int:  # noqa: N802
        *_, shared, handle, arguments, extra = shape
        assert (shared, extra) == (0, None)
        source, target, count = (each.contents.value for each in arguments)
        read, written = (self._gpu.memory(pointer)[: 16 * count] for pointer in (source, target))
        self._gpu.streams[handle.value or 0].put(next(self._gpu.copies_ms), lambda: np.copyto(written, read))
        return 0

    def _cuStreamBeginCapture_v2(self, handle: ctypes.c_void_p, mode: int) -> int:  # noqa: N802
        stream = self._gpu.streams.get(handle.value or 0)
        if stream is None or stream.capture is not None:
            return NO_HANDLE if stream is None else WRONG_STATE
        stream.capture, stream.spoiled = [], False
        return 0

    def _cuStreamEndCapture(self, handle: ctypes.c_void_p, graph: Any) -> int:  # noqa: N802
        stream = self._gpu.streams[handle.value or 0]
        if stream.capture is None:
            return WRONG_STATE
        captured, stream.capture = stream.capture, None
        if stream.spoiled:
            return SPOILED
        graph._obj.value = 0x2000 + len(self._gpu.graphs)
        self._gpu.graphs[graph._obj.value] = captured
        return 0

    def _cuGraphInstantiateWithFlags(self, executable: Any, graph: ctypes.c_void_p, flags: Any) -> int:  # noqa: N802
        if graph.value not in self._gpu.graphs:
            return NO_HANDLE
        executable._obj.value = graph.value
        return 0

    def _cuGraphInstantiate(self, executable: Any, graph: Any, node: None, log: None, size: Any) -> int:  # noqa: N802
        return self._cuGraphInstantiateWithFlags(executable, graph, 0)

    def _cuGraphLaunch(self, executable: ctypes.c_void_p, handle: ctypes.c_void_p) -> int:  # noqa: N802
        if self._gpu.refusal:
            return self._gpu.refusal
        self._gpu.launches += 1
        for duration_ms, work in self._gpu.graphs[executable.value or 0]:
            # A graph costs less to launch than its parts.
            self._gpu.streams[handle.value or 0].put(duration_ms / 2, work)
        return 0


def at(host: ctypes.c_void_p, size: ctypes.c_size_t) -> npt.NDArray[np.uint8]:
    """The bytes there, in the host's memory."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * size.value).from_address(host.value or 0))


def plugged_in(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Gpu:
    """`gpu` is this machine's first, until the test ends."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library(gpu))
    return gpu
