"""What a machine without a GPU can show of it; what it computes is seen in tests/gpu."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort
import pytest

from colocate.worker.backends.onnxruntime_cuda import OnnxRuntimeCuda
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request
from tests.small import small_network
from tests.worker.fake_cuda import Gpu, plugged_in

pytestmark = pytest.mark.skipif(
    "CUDAExecutionProvider" in ort.get_available_providers(), reason="this build of ONNX Runtime is for GPUs"
)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return plugged_in(monkeypatch, Gpu())


@pytest.fixture
def wanted(tmp_path: Path) -> Request:
    """The small network."""
    target = "colocate.worker.backends.onnxruntime_cuda:OnnxRuntimeCuda"
    return Request(target, "small", batch=2, file=small_network(tmp_path).file)


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("preloads", [True, False], ids=["from 1.21 on", "before"])
@pytest.mark.parametrize(("wait", "flags"), [("spin", 1), ("block", 4)])
def test_a_build_for_cpus_is_refused_in_one_line(
    wanted: Request, gpu: Gpu, monkeypatch: pytest.MonkeyPatch, preloads: bool, wait: str, flags: int
) -> None:
    preloaded: list[bool] = []
    if preloads:
        monkeypatch.setattr(ort, "preload_dlls", lambda: preloaded.append(True), raising=False)
    else:
        monkeypatch.delattr(ort, "preload_dlls", raising=False)
    with pytest.raises(WorkerError, match="onnxruntime cannot load") as caught:
        OnnxRuntimeCuda(wanted._replace(wait=wait))
    assert "\n" not in str(caught.value)
    assert (gpu.flags, bool(preloaded)) == (flags, preloads)


def test_a_gpu_that_refuses_is_reported_before_anything_is_loaded(wanted: Request, gpu: Gpu) -> None:
    gpu.refusal = 100
    with pytest.raises(WorkerError, match="no NVIDIA GPU"):
        OnnxRuntimeCuda(wanted)
