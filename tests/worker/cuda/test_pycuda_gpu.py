"""What pycuda wants that ctypes does not."""

from __future__ import annotations

import gc
import sys

import numpy as np
import pytest

from colocate.worker.cuda.gpu import CudaGpu
from colocate.worker.cuda.pycuda_gpu import PycudaGpu
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_pycuda import Pycuda, installed_in


@pytest.fixture
def pycuda(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Pycuda:
    return installed_in(monkeypatch, gpu)


def made(wait: str = "spin") -> CudaGpu:
    return PycudaGpu(0, wait, sys.modules["pycuda"])


@pytest.mark.parametrize(("wait", "flags"), [("spin", 1), ("block", 4)])
def test_the_context_waits_as_asked_and_is_left_before_the_process_ends(
    pycuda: Pycuda, gpu: Gpu, wait: str, flags: int
) -> None:
    made(wait)
    assert gpu.flags == flags
    assert len(pycuda.stack) == 1
    for each in pycuda.at_exit:
        each()
    assert pycuda.stack == []
    with pytest.raises(Exception, match="no currently active context"):
        pycuda.make("cuStreamCreate")


@pytest.mark.usefixtures("pycuda")
def test_what_is_allocated_stays_as_long_as_its_gpu(gpu: Gpu) -> None:
    device = made()
    address = device.memory(64)
    place = device.host_array((4,), np.float32).ctypes.data
    gc.collect()
    assert list(gpu.allocations) == [address] and list(gpu.pinned) == [place]
    del device
    gc.collect()
    assert not gpu.allocations and not gpu.pinned, "as pycuda has it: nobody holds it any more"


@pytest.mark.usefixtures("pycuda")
def test_a_fault_of_what_was_launched_is_explained(gpu: Gpu) -> None:
    stream = made().stream()
    stream.time(lambda: gpu.streams[stream.handle].put(3.0, lambda: None))
    assert stream.device_s() == pytest.approx(3e-3)
    gpu.fault = 700
    with pytest.raises(WorkerError, match="cuStreamSynchronize failed: an illegal memory access"):
        stream.time(lambda: None)


@pytest.mark.usefixtures("pycuda")
def test_a_gpu_that_another_program_holds_is_reported(gpu: Gpu) -> None:
    gpu.taken = True
    with pytest.raises(WorkerError, match="exclusive mode"):
        made()
