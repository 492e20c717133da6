"""The copy on a GPU that does not exist; on a real one it is run in tests/gpu."""

from __future__ import annotations

import json

import numpy as np
import pytest

from colocate.worker.backends import bandwidth
from colocate.worker.backends.bandwidth import Bandwidth
from colocate.worker.errors import WorkerError
from colocate.worker.probe import probe
from colocate.worker.request import Request
from tests.worker import fake_pycuda
from tests.worker.fake_cuda import Gpu, plugged_in

REQUEST = Request("colocate.worker.backends.bandwidth:Bandwidth", "bandwidth")
IMAGE_BYTES = 4096


@pytest.fixture(params=["ctypes", "pycuda 2026.1"])
def calls(request: pytest.FixtureRequest) -> str:
    """What makes the calls to the GPU."""
    made: str = request.param
    return made


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch, calls: str) -> Gpu:
    monkeypatch.setattr(bandwidth, "COPIED_BYTES", IMAGE_BYTES)
    gpu = plugged_in(monkeypatch, Gpu())
    if calls != "ctypes":
        fake_pycuda.installed_in(monkeypatch, gpu)
    return gpu


@pytest.mark.parametrize("batch", [1, 3])
def test_an_inference_copies_one_buffer_for_each_image(gpu: Gpu, batch: int) -> None:
    network = Bandwidth(REQUEST._replace(batch=batch))
    source, target = gpu.allocations.values()
    assert source.size == target.size == network.copied_bytes == batch * IMAGE_BYTES
    assert len(np.unique(source)) == 256, "random bytes in every image"
    assert (source != target).any()
    network.infer()
    np.testing.assert_array_equal(source, target)
    assert network.device_s() == pytest.approx(1e-3)


def test_facts_say_what_ran(gpu: Gpu, calls: str) -> None:
    facts = Bandwidth(REQUEST._replace(wait="block")).facts()
    assert facts == {
        "runtime": "CUDA driver", "gpu": "Orin", "copied_bytes": IMAGE_BYTES, "graph": False, "wait": "block",
        "device": "cuda:0", "gpu_calls": calls,
    }  # fmt: skip
    assert json.loads(json.dumps(facts)) == facts
    assert gpu.flags == 4


def test_the_probe_counts_each_byte_read_and_each_written(gpu: Gpu, calls: str) -> None:
    # The first is the warm-up of every probe; the median is of the ten that follow.
    gpu.copies_ms = iter([100.0, *(2.0 for _ in range(9)), 50.0])
    bytes_per_s = pytest.approx(2 * IMAGE_BYTES / 2e-3)
    assert probe(REQUEST) == {"gpu": "Orin", "gpu_calls": calls, "bytes_per_s": bytes_per_s}
    assert next(gpu.copies_ms, None) is None


def test_a_gpu_without_memory_is_refused_with_what_to_do(gpu: Gpu) -> None:
    gpu.free_bytes = IMAGE_BYTES
    with pytest.raises(WorkerError, match="memory is full"):
        Bandwidth(REQUEST)


def test_a_fault_in_a_copy_is_a_worker_error(gpu: Gpu) -> None:
    network = Bandwidth(REQUEST)
    gpu.fault = 700
    with pytest.raises(WorkerError, match="illegal memory access"):
        network.infer()
