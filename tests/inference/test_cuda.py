from __future__ import annotations

import ctypes
import sys

import pytest

from colocate.errors import HostError
from colocate.worker import cuda
from tests.inference.fake_cuda import Gpu, plugged_in


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return plugged_in(monkeypatch, Gpu())


def test_what_is_captured_runs_when_it_is_launched(gpu: Gpu) -> None:
    stream = cuda.primary_context("spin").Stream()
    done: list[int] = []
    launch = cuda.captured(stream.handle, lambda: stream.put(1.0, lambda: done.append(1)))
    stream.synchronize()
    assert done == []
    launch()
    launch()
    stream.synchronize()
    assert done == [1, 1]


def test_a_failure_in_a_capture_ends_it(gpu: Gpu) -> None:
    driver = cuda.primary_context("spin")
    stream = driver.Stream()
    with pytest.raises(driver.LogicError):
        cuda.captured(stream.handle, stream.synchronize)
    assert stream.capture is None


def test_a_capture_that_was_spoiled_in_silence_is_an_error(gpu: Gpu) -> None:
    stream = cuda.primary_context("spin").Stream()

    def spoil() -> None:
        stream.spoiled = True

    with pytest.raises(HostError, match="CUDA error 901"):
        cuda.captured(stream.handle, spoil)


def test_a_stream_that_does_not_exist_cannot_be_captured(gpu: Gpu) -> None:
    with pytest.raises(HostError, match="CUDA error 400: invalid resource handle"):
        cuda.captured(1, lambda: None)


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(HostError, match="there is no NVIDIA GPU"):
        cuda.primary_context("spin")


def test_a_gpu_that_another_program_holds_is_told_of(gpu: Gpu) -> None:
    gpu.taken = True
    with pytest.raises(HostError, match="exclusive mode"):
        cuda.primary_context("spin")
    assert gpu.at_exit == []


def test_without_pycuda_the_message_says_how_to_get_it(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.delitem(sys.modules, "pycuda.driver")
    with pytest.raises(HostError, match="pip install pycuda"):
        cuda.primary_context("spin")
