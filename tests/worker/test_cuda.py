"""Memory, graphs and errors of CUDA, on a GPU that does not exist."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from colocate.worker import cuda
from colocate.worker.backends.bandwidth import _KERNEL
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu, Library, Stream, plugged_in

SOURCE = Path(__file__).with_name("fake_libcuda.c")


def together(*calls: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        for each in calls:
            each()

    return call


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return plugged_in(monkeypatch, Gpu())


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver's library as one that a compiler made."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("this machine has no C compiler")
    library = tmp_path_factory.mktemp("cuda") / "libcuda.so.1"
    subprocess.run([compiler, "-Wall", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture(params=["in Python", "in C"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A driver by either of the two that are made up."""
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    if request.param == "in Python":
        plugged_in(monkeypatch, Gpu(count=2, free_bytes=1 << 20))
        yield
        return
    library = ctypes.CDLL(str(request.getfixturevalue("compiled")))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    library.fake_refuse(0)
    yield
    library.fake_refuse(0)


@pytest.mark.usefixtures("driver")
def test_what_goes_to_the_gpu_comes_back_once_it_was_waited_for() -> None:
    gpu = cuda.CudaGpu("spin")
    stopwatch = cuda.Stopwatch(gpu)
    sent, found = (gpu.host_array((2, 3), np.float32) for _ in range(2))
    sent[:], found[:] = np.arange(6).reshape(2, 3), 0
    address = gpu.memory(sent.nbytes)
    copy_in = gpu.copy_in(address, sent, stopwatch.stream)
    copy_out = gpu.copy_out(found, address, stopwatch.stream)

    def nothing_has_run() -> None:
        assert not found.any()

    for _ in range(2):
        found[:] = 0
        stopwatch.time(together(copy_in, copy_out, nothing_has_run))
        np.testing.assert_array_equal(found, sent)
        assert stopwatch.device_s() in (pytest.approx(0.5e-3), pytest.approx(2e-3))


@pytest.mark.usefixtures("driver")
def test_a_kernel_gets_its_arguments() -> None:
    gpu = cuda.CudaGpu("spin")
    stopwatch = cuda.Stopwatch(gpu)
    block = np.random.RandomState(0).randint(0, 256, 1024, np.uint8)
    source, target = gpu.memory(block.nbytes), gpu.memory(block.nbytes)
    gpu.fill(source, block)
    arguments = (source, target, block.nbytes // 16)
    launch = gpu.launch(gpu.function(_KERNEL, "copy"), 4, 256, stopwatch.stream, arguments)
    found = gpu.host_array(block.shape, np.uint8)
    copy_out = gpu.copy_out(found, target, stopwatch.stream)
    # They lie in memory that is still theirs when it is launched, whatever was let go meanwhile.
    del gpu
    others = [ctypes.c_uint64(1) for _ in range(100)]
    stopwatch.time(together(launch, copy_out))
    np.testing.assert_array_equal(found, block)
    assert len(others) == 100


@pytest.mark.usefixtures("driver")
def test_what_is_captured_runs_when_it_is_launched() -> None:
    gpu = cuda.CudaGpu("spin")
    stopwatch = cuda.Stopwatch(gpu)
    sent, found = (gpu.host_array((4,), np.int32) for _ in range(2))
    sent[:], found[:] = 7, 0
    address = gpu.memory(sent.nbytes)
    copy_in = gpu.copy_in(address, sent, stopwatch.stream)
    copy_out = gpu.copy_out(found, address, stopwatch.stream)
    launch = gpu.captured(stopwatch.stream, together(copy_in, copy_out))
    stopwatch.wait()
    assert not found.any()
    for number in (7, 8):
        sent[:] = number
        stopwatch.time(launch)
        assert found.tolist() == [number] * 4


@pytest.mark.usefixtures("driver")
def test_a_failure_in_a_capture_is_the_reason_and_ends_it() -> None:
    gpu = cuda.CudaGpu("spin")
    stopwatch = cuda.Stopwatch(gpu)
    for _ in range(2):
        with pytest.raises(WorkerError, match=r"leave out --graph \[CUDA error 900: .* when stream is capturing\]"):
            gpu.captured(stopwatch.stream, stopwatch.wait)
    stopwatch.wait()


@pytest.mark.usefixtures("driver")
def test_the_second_gpu_is_the_second() -> None:
    gpu = cuda.CudaGpu("spin", "cuda:1")
    assert gpu.number == 1
    assert os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID", "as nvidia-smi counts"
    assert gpu.capability in ((8, 7), (5, 3)) and gpu.processors in (16, 8)
    with pytest.raises(WorkerError, match="there is no GPU 2: this process sees 2, counted from 0"):
        cuda.CudaGpu("spin", "cuda:2")


@pytest.mark.usefixtures("driver")
def test_a_dla_is_no_gpu() -> None:
    with pytest.raises(WorkerError, match="it runs on a GPU, not on dla:0: TensorRT alone"):
        cuda.CudaGpu("spin", "dla:0")


@pytest.mark.usefixtures("driver")
def test_a_full_memory_says_what_to_do() -> None:
    gpu = cuda.CudaGpu("spin")
    before = gpu.free_bytes
    gpu.memory(4096)
    assert gpu.free_bytes == before - 4096
    with pytest.raises(WorkerError, match=r"memory is full: lower --batch.*\[CUDA error 2: out of memory\]"):
        gpu.memory(1 << 40)


@pytest.mark.usefixtures("driver")
def test_an_array_of_nothing_is_one() -> None:
    gpu = cuda.CudaGpu("spin")
    assert gpu.host_array((2, 0), np.float32).shape == (2, 0)
    assert gpu.memory(0)


@pytest.mark.parametrize(("wait", "flags"), [("spin", 1), ("block", 4)])
def test_a_thread_waits_as_asked(compiled: Path, monkeypatch: pytest.MonkeyPatch, wait: str, flags: int) -> None:
    library = ctypes.CDLL(str(compiled))
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    cuda.CudaGpu(wait)
    assert library.fake_flags() == flags
    library.fake_refuse(100)
    with pytest.raises(WorkerError, match=r"there is no NVIDIA GPU .* \[CUDA error 100"):
        cuda.CudaGpu(wait)
    library.fake_refuse(0)


def test_a_driver_of_jetpack_4_has_older_functions(gpu: Gpu) -> None:
    gpu.cuda = (10, 2)
    device = cuda.CudaGpu("block")
    assert gpu.flags == 4
    stopwatch = cuda.Stopwatch(device)
    done: list[int] = []
    stream = gpu.streams[stopwatch.stream]
    launch = device.captured(stopwatch.stream, lambda: stream.put(1.0, lambda: done.append(1)))
    stopwatch.time(launch)
    assert done == [1]


def test_a_capture_that_was_spoiled_in_silence_is_an_error(gpu: Gpu) -> None:
    device = cuda.CudaGpu("spin")
    handle = cuda.Stopwatch(device).stream

    def spoil() -> None:
        gpu.streams[handle].spoiled = True

    with pytest.raises(WorkerError, match="CUDA error 901"):
        device.captured(handle, spoil)


@pytest.mark.usefixtures("gpu")
def test_a_stream_that_does_not_exist_cannot_be_captured() -> None:
    with pytest.raises(WorkerError, match="CUDA error 400: invalid resource handle"):
        cuda.CudaGpu("spin").captured(1, lambda: None)


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(WorkerError, match="there is no NVIDIA GPU"):
        cuda.CudaGpu("spin")


def test_a_gpu_that_another_program_holds_is_reported(gpu: Gpu) -> None:
    gpu.taken = True
    with pytest.raises(WorkerError, match="exclusive mode"):
        cuda.CudaGpu("spin")


def test_the_made_up_library_knows_broken_rules(gpu: Gpu) -> None:
    library = Library(gpu)
    assert library.cuCtxSynchronize() == 3
    library.cuInit(0)
    assert library.cuCtxSynchronize() == 201
    assert Stream(gpu, 1).synchronize() == 0
    assert not hasattr(library, "cuSurprise")


def test_a_message_is_one_short_line_led_by_what_to_do() -> None:
    said = cuda.explained("CUDA failure 2:\n  out of memory ;  " + "expr " * 200)
    assert said.startswith("the GPU's memory is full: lower --batch")
    assert (
        "\n" not in said and "CUDA failure 2: out of memory ;" in said and said.endswith("...]") and len(said) < 500
    )
    assert cuda.explained("what nobody\nforesaw") == "what nobody foresaw"


def test_a_stopwatch_measures_what_it_launched_and_explains_a_fault(gpu: Gpu) -> None:
    stopwatch = cuda.Stopwatch(cuda.CudaGpu("spin"))
    stopwatch.time(lambda: gpu.streams[stopwatch.stream].put(3.0, lambda: None))
    assert stopwatch.device_s() == pytest.approx(3e-3)
    gpu.fault = 700
    with pytest.raises(WorkerError, match="illegal memory access"):
        stopwatch.time(lambda: None)
