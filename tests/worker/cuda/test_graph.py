"""Graphs that drivers of other times capture, or refuse to; what is in one is seen in test_gpu.py."""

from __future__ import annotations

import pytest

from colocate.worker.cuda.graph import captured
from colocate.worker.cuda.open import opened
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu


def test_a_driver_of_jetpack_4_has_an_older_function(gpu: Gpu) -> None:
    gpu.cuda = (10, 2)
    device = opened("block")
    stream = device.stream()
    done: list[int] = []
    own = gpu.streams[stream.handle]
    stream.time(captured(device.driver, stream.handle, lambda: own.put(1.0, lambda: done.append(1))))
    assert done == [1]


def test_a_capture_that_was_spoiled_in_silence_is_an_error(gpu: Gpu) -> None:
    device = opened("spin")
    handle = device.stream().handle

    def spoil() -> None:
        gpu.streams[handle].spoiled = True

    with pytest.raises(WorkerError, match=r"leave out --graph .*due to a previous error during capture"):
        captured(device.driver, handle, spoil)


@pytest.mark.usefixtures("gpu")
def test_a_stream_that_does_not_exist_cannot_be_captured() -> None:
    with pytest.raises(WorkerError, match="cuStreamBeginCapture failed: invalid resource handle"):
        captured(opened("spin").driver, 1, lambda: None)
