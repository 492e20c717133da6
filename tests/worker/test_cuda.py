"""Graphs, contexts and errors of CUDA, on a GPU that does not exist."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
import pytest

from colocate.worker import cuda
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu, plugged_in


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

    with pytest.raises(WorkerError, match="CUDA error 901"):
        cuda.captured(stream.handle, spoil)


def test_a_stream_that_does_not_exist_cannot_be_captured(gpu: Gpu) -> None:
    with pytest.raises(WorkerError, match="CUDA error 400: invalid resource handle"):
        cuda.captured(1, lambda: None)


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(WorkerError, match="there is no NVIDIA GPU"):
        cuda.primary_context("spin")


def test_a_gpu_that_another_program_holds_is_reported(gpu: Gpu) -> None:
    gpu.taken = True
    with pytest.raises(WorkerError, match="exclusive mode"):
        cuda.primary_context("spin")
    assert gpu.at_exit == []


def test_without_pycuda_the_message_says_how_to_get_it(gpu: Gpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.delitem(sys.modules, "pycuda.driver")
    with pytest.raises(WorkerError, match="pip install pycuda"):
        cuda.primary_context("spin")


def test_a_message_is_one_short_line_led_by_what_to_do() -> None:
    said = cuda.explained("CUDA failure 2:\n  out of memory ;  " + "expr " * 200)
    assert said.startswith("the GPU's memory is full: lower --batch")
    assert (
        "\n" not in said and "CUDA failure 2: out of memory ;" in said and said.endswith("...]") and len(said) < 500
    )
    assert cuda.explained("what nobody\nforesaw") == "what nobody foresaw"


def test_a_stopwatch_measures_what_it_launched_and_explains_a_fault(gpu: Gpu) -> None:
    driver = cuda.primary_context("spin")
    stopwatch = cuda.Stopwatch(driver)
    stopwatch.time(lambda: stopwatch.stream.put(3.0, lambda: None))
    assert stopwatch.device_s() == pytest.approx(3e-3)
    gpu.fault = "an illegal memory access was encountered"
    with pytest.raises(WorkerError, match="illegal memory access"):
        stopwatch.time(lambda: None)


def test_locked_pages_are_those_of_the_array(gpu: Gpu) -> None:
    cuda.primary_context("spin")
    array = np.zeros(1000, np.float32)
    cuda.page_lock(array)
    assert gpu.locked == {array.ctypes.data: 4000}
