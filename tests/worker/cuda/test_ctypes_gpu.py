"""What ctypes hands over to a library that a compiler made."""

from __future__ import annotations

import ctypes

import pytest

from colocate.worker.cuda.ctypes_gpu import CtypesGpu
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu


@pytest.mark.parametrize(("wait", "flags"), [("spin", 1), ("block", 4)])
def test_a_thread_waits_as_asked(library: ctypes.CDLL, wait: str, flags: int) -> None:
    CtypesGpu(0, wait)
    assert library.fake_flags() == flags
    library.fake_refuse(100)
    with pytest.raises(WorkerError, match=r"there is no NVIDIA GPU .* \[cuInit failed"):
        CtypesGpu(0, wait)


def test_a_driver_of_jetpack_4_has_older_functions(gpu: Gpu) -> None:
    gpu.cuda = (10, 2)
    CtypesGpu(0, "block")
    assert gpu.flags == 4


def test_a_fault_of_what_was_launched_is_explained(gpu: Gpu) -> None:
    stream = CtypesGpu(0, "spin").stream()
    stream.time(lambda: gpu.streams[stream.handle].put(3.0, lambda: None))
    assert stream.device_s() == pytest.approx(3e-3)
    gpu.fault = 700
    with pytest.raises(WorkerError, match="cuStreamSynchronize failed: an illegal memory access"):
        stream.time(lambda: None)
