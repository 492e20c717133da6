"""The Python package pycuda on a GPU that does not exist: the same GPU as that of `fake_cuda`, by pycuda's names.

Names and rules are those of pycuda 2026.1 (`src/wrapper/wrap_cudadrv.cpp` and `src/cpp/cuda.hpp` of its source): it
makes nothing without a context on its own stack, and what it made is freed once nobody holds it.
"""

from __future__ import annotations

import atexit
import ctypes
import importlib.machinery
import sys
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.worker.fake_cuda import TEXTS, Gpu, Library

VERSION = "2026.1"


class Error(Exception):
    """The base of all."""


class MemoryError(Error):  # noqa: A001 - pycuda's name
    """The GPU's memory is full."""


class LogicError(Error):
    """A call that is wrong."""


class LaunchError(Error):
    """What was launched failed."""


class RuntimeError(Error):  # noqa: A001 - pycuda's name
    """Something outside the program failed."""


KINDS = {2: MemoryError, 700: LaunchError, 46: RuntimeError, 100: RuntimeError, 600: RuntimeError}


class Pycuda:
    """`pycuda.driver` for one GPU."""

    def __init__(self, gpu: Gpu) -> None:
        self.gpu, self.library, self.version = gpu, Library(gpu), VERSION
        self.stack: list[Context] = []
        self.at_exit: list[Callable[[], None]] = []

    def call(self, name: str, *arguments: Any) -> None:
        code = getattr(self.library, name)(*arguments)
        if code:
            called = name.removesuffix("_v2")
            raise KINDS.get(code, LogicError)(f"{called} failed: {TEXTS[code].decode()}")

    def make(self, name: str, *arguments: Any) -> None:
        """Call what makes something that belongs to a context."""
        if not self.stack:
            raise LogicError(f"{name} failed: invalid device context - no currently active context?")
        self.call(name, *arguments)

    def module(self) -> types.ModuleType:
        made = types.ModuleType("pycuda.driver")
        kinds = (Error, MemoryError, LogicError, LaunchError, RuntimeError)
        vars(made).update({kind.__name__: kind for kind in kinds})
        made.init = lambda flags=0: self.call("cuInit", flags)  # type: ignore[attr-defined]
        for name in ("Device", "Context", "Stream", "Event"):
            own = type(name, (globals()[name],), {"_pycuda": self})
            setattr(made, name, own)
        for function in (mem_get_info, mem_alloc, pagelocked_empty, memcpy_htod, memcpy_htod_async, memcpy_dtoh_async,
                         module_from_buffer):  # fmt: skip
            setattr(made, function.__name__, types.MethodType(function, self))
        return made


class Device:
    _pycuda: Pycuda

    def __init__(self, ordinal: int) -> None:
        self._device = ctypes.c_int()
        self._pycuda.call("cuDeviceGet", ctypes.byref(self._device), ordinal)

    def retain_primary_context(self) -> Context:
        handle = ctypes.c_void_p()
        self._pycuda.call("cuDevicePrimaryCtxRetain", ctypes.byref(handle), self._device)
        kind: type[Context] = type("Context", (Context,), {"_pycuda": self._pycuda})
        context = kind()
        context._handle = handle
        return context


class Context:
    _pycuda: Pycuda
    _handle: ctypes.c_void_p

    def push(self) -> None:
        self._pycuda.call("cuCtxSetCurrent", self._handle)
        self._pycuda.stack.append(self)

    @classmethod
    def pop(cls) -> None:
        cls._pycuda.stack.pop()

    @classmethod
    def synchronize(cls) -> None:
        cls._pycuda.call("cuCtxSynchronize")


class Stream:
    _pycuda: Pycuda

    def __init__(self, flags: int = 0) -> None:
        assert flags == 1, "it would wait for the default stream"
        self._handle = ctypes.c_void_p()
        self._pycuda.make("cuStreamCreate", ctypes.byref(self._handle), flags)

    @property
    def handle(self) -> int:
        return self._handle.value or 0

    def synchronize(self) -> None:
        self._pycuda.call("cuStreamSynchronize", self._handle)


class Event:
    _pycuda: Pycuda

    def __init__(self, flags: int = 0) -> None:
        self._handle = ctypes.c_void_p()
        self._pycuda.make("cuEventCreate", ctypes.byref(self._handle), flags)

    def record(self, stream: Stream | None = None) -> Event:
        assert stream is not None, "work of the default stream is not timed"
        self._pycuda.call("cuEventRecord", self._handle, stream._handle)
        return self

    def time_since(self, start: Event) -> float:
        ms = ctypes.c_float()
        self._pycuda.call("cuEventElapsedTime", ctypes.byref(ms), start._handle, self._handle)
        return ms.value


class DeviceAllocation:
    """Converts to its address."""

    def __init__(self, pycuda: Pycuda, address: int) -> None:
        self._address = address
        weakref.finalize(self, pycuda.gpu.allocations.pop, address)

    def __int__(self) -> int:
        return self._address


class Function:
    def __init__(self, pycuda: Pycuda, handle: ctypes.c_void_p) -> None:
        self._pycuda, self._handle = pycuda, handle

    def __call__(self, *arguments: Any, block: tuple[int, ...], grid: tuple[int, ...], stream: Stream) -> None:
        assert all(isinstance(each, np.number) and each.nbytes == 8 for each in arguments), "of no known size"
        places = [ctypes.pointer(ctypes.c_uint64(int(each))) for each in arguments]
        shape = (*grid, 1, *block)
        assert len(shape) == 6
        self._pycuda.call("cuLaunchKernel", self._handle, *shape, 0, stream._handle, places, None)


class Module:
    def __init__(self, pycuda: Pycuda, handle: ctypes.c_void_p) -> None:
        self._pycuda, self._handle = pycuda, handle

    def get_function(self, name: str) -> Function:
        function = ctypes.c_void_p()
        place = ctypes.c_char_p(name.encode())
        self._pycuda.call("cuModuleGetFunction", ctypes.byref(function), self._handle, place)
        return Function(self._pycuda, function)


def mem_get_info(pycuda: Pycuda) -> tuple[int, int]:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    pycuda.call("cuMemGetInfo_v2", ctypes.byref(free), ctypes.byref(total))
    return free.value, total.value


def mem_alloc(pycuda: Pycuda, size: int) -> DeviceAllocation:
    address = ctypes.c_uint64()
    pycuda.make("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size))
    return DeviceAllocation(pycuda, address.value)


def pagelocked_empty(pycuda: Pycuda, shape: int, dtype: Any) -> npt.NDArray[Any]:
    address = ctypes.c_void_p()
    size = shape * np.dtype(dtype).itemsize
    pycuda.make("cuMemHostAlloc", ctypes.byref(address), ctypes.c_size_t(size), 0)
    # The GPU knows of it until nobody holds it any more.
    array = pycuda.gpu.pinned.pop(address.value or 0)
    pycuda.gpu.pinned[address.value or 0] = np.empty(0, np.uint8)
    weakref.finalize(array, pycuda.gpu.pinned.pop, address.value or 0)
    return array.view(dtype)


def memcpy_htod(pycuda: Pycuda, dest: int, src: npt.NDArray[Any]) -> None:
    pycuda.call("cuMemcpyHtoD_v2", ctypes.c_uint64(dest), *_content(src))


def memcpy_htod_async(pycuda: Pycuda, dest: int, src: npt.NDArray[Any], stream: Stream | None = None) -> None:
    assert stream is not None
    pycuda.call("cuMemcpyHtoDAsync_v2", ctypes.c_uint64(dest), *_content(src), stream._handle)


def memcpy_dtoh_async(pycuda: Pycuda, dest: npt.NDArray[Any], src: int, stream: Stream | None = None) -> None:
    assert stream is not None and dest.flags.writeable
    pointer, size = _content(dest)
    pycuda.call("cuMemcpyDtoHAsync_v2", pointer, ctypes.c_uint64(src), size, stream._handle)


def module_from_buffer(pycuda: Pycuda, buffer: bytes) -> Module:
    module = ctypes.c_void_p()
    pycuda.make("cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(buffer))
    return Module(pycuda, module)


def _content(array: npt.NDArray[Any]) -> tuple[ctypes.c_void_p, ctypes.c_size_t]:
    assert array.flags.c_contiguous or array.flags.f_contiguous
    return ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(array.nbytes)


def installed_in(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Pycuda:
    """Pycuda can be imported, until the test ends. What it wants to be done at the end of the process is kept."""
    made = Pycuda(gpu)
    package, driver = types.ModuleType("pycuda"), made.module()
    package.__spec__ = importlib.machinery.ModuleSpec("pycuda", None, origin="fake")
    vars(package).update(VERSION_TEXT=VERSION, driver=driver, __path__=[])
    monkeypatch.setitem(sys.modules, "pycuda", package)
    monkeypatch.setitem(sys.modules, "pycuda.driver", driver)
    monkeypatch.setattr(atexit, "register", made.at_exit.append)
    return made
