"""What every GPU does, by whatever way its calls are made; none of them exists."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Callable

import numpy as np
import pytest

from colocate.worker.backends.bandwidth import _KERNEL
from colocate.worker.cuda.graph import captured
from colocate.worker.cuda.open import opened
from colocate.worker.errors import WorkerError


def together(*calls: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        for each in calls:
            each()

    return call


def test_it_says_what_makes_its_calls(way: str) -> None:
    assert opened("spin").calls == way


@pytest.mark.usefixtures("way")
def test_what_goes_to_the_gpu_comes_back_once_it_was_waited_for() -> None:
    gpu = opened("spin")
    stream = gpu.stream()
    sent, found = (gpu.host_array((2, 3), np.float32) for _ in range(2))
    sent[:], found[:] = np.arange(6).reshape(2, 3), 0
    address = gpu.memory(sent.nbytes)
    gc.collect()
    copy_in, copy_out = stream.copy_in(address, sent), stream.copy_out(found, address)

    def nothing_has_run() -> None:
        assert not found.any()

    for _ in range(2):
        found[:] = 0
        stream.time(together(copy_in, copy_out, nothing_has_run))
        np.testing.assert_array_equal(found, sent)
        assert stream.device_s() in (pytest.approx(0.5e-3), pytest.approx(2e-3))


@pytest.mark.usefixtures("way")
def test_a_kernel_gets_its_arguments() -> None:
    gpu = opened("spin")
    stream = gpu.stream()
    block = np.random.RandomState(0).randint(0, 256, 1024, np.uint8)
    source, target = gpu.memory(block.nbytes), gpu.memory(block.nbytes)
    gpu.fill(source, block)
    arguments = (source, target, block.nbytes // 16)
    launch = stream.launch(gpu.kernel(_KERNEL, "copy"), 4, 256, arguments)
    found = gpu.host_array(block.shape, np.uint8)
    copy_out = stream.copy_out(found, target)
    # They lie in memory that is still theirs when it is launched, whatever was let go meanwhile.
    others = [ctypes.c_uint64(1) for _ in range(100)]
    stream.time(together(launch, copy_out))
    np.testing.assert_array_equal(found, block)
    assert len(others) == 100


@pytest.mark.usefixtures("way")
def test_what_is_captured_runs_when_it_is_launched() -> None:
    gpu = opened("spin")
    stream = gpu.stream()
    sent, found = (gpu.host_array((4,), np.int32) for _ in range(2))
    sent[:], found[:] = 7, 0
    address = gpu.memory(sent.nbytes)
    both = together(stream.copy_in(address, sent), stream.copy_out(found, address))
    launch = captured(gpu.driver, stream.handle, both)
    stream.wait()
    assert not found.any()
    for number in (7, 8):
        sent[:] = number
        stream.time(launch)
        assert found.tolist() == [number] * 4


@pytest.mark.usefixtures("way")
def test_a_failure_in_a_capture_is_the_reason_and_ends_it() -> None:
    gpu = opened("spin")
    stream = gpu.stream()
    said = r"leave out --graph \[cuStreamSynchronize failed: operation not permitted when stream is capturing\]"
    for _ in range(2):
        with pytest.raises(WorkerError, match=said):
            captured(gpu.driver, stream.handle, stream.wait)
    stream.wait()


@pytest.mark.usefixtures("way")
def test_the_second_gpu_is_the_second() -> None:
    gpu = opened("spin", "cuda:1")
    assert gpu.number == 1
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID", "as nvidia-smi counts"
    assert gpu.name in ("Orin", "Acme 1")
    assert gpu.capability in ((8, 7), (5, 3)) and gpu.processors in (16, 8)
    with pytest.raises(WorkerError, match="there is no GPU 2: this process sees 2, counted from 0"):
        opened("spin", "cuda:2")


@pytest.mark.usefixtures("way")
def test_a_full_memory_says_what_to_do() -> None:
    gpu = opened("spin")
    before = gpu.free_bytes
    gpu.memory(4096)
    assert gpu.free_bytes == before - 4096
    with pytest.raises(WorkerError, match=r"memory is full: lower --batch.*\[cuMemAlloc failed: out of memory\]$"):
        gpu.memory(1 << 40)


@pytest.mark.usefixtures("way")
def test_an_array_of_nothing_is_one() -> None:
    gpu = opened("spin")
    assert gpu.host_array((2, 0), np.float32).shape == (2, 0)
    assert gpu.memory(0)
