"""TensorRT on a Jetson's accelerator, and on the GPU that was chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request
from tests.worker.backends.compiled import expected, in_precision, output, written
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_tensorrt_parts import Installed


def test_a_dla_runs_what_it_can_and_the_gpu_the_rest(wanted: Request, installed: Installed) -> None:
    installed.dla_cores = 2
    request = in_precision(wanted, "fp16")._replace(device="dla:1")
    for _ in range(2):
        runtime = TensorRT(request)
        runtime.infer()
        np.testing.assert_allclose(output(runtime), expected(request.loaded), rtol=1e-3)
    (config,) = installed.configs
    assert (config.default_device_type.name, config.DLA_core) == ("DLA", 1)
    assert config._flags == {"GPU_FALLBACK"} | ({"FP16"} if installed.release < (11, 0) else set())
    assert runtime.facts()["device"] == "dla:1, else cuda:0"
    assert runtime.facts()["strongly_typed"] is (installed.release >= (11, 0))
    # Of the GPU's own another engine is made.
    assert TensorRT(request._replace(device=None)).facts()["device"] == "cuda:0"
    assert installed.builds == 2


def test_a_dla_that_is_not_there_or_cannot_compute_so_is_refused(wanted: Request, installed: Installed) -> None:
    installed.dla_cores = 1
    with pytest.raises(WorkerError, match=r"^a DLA does not compute in fp32: add --precision fp16$"):
        TensorRT(wanted._replace(device="dla:0"))
    with pytest.raises(WorkerError, match=r"^there is no DLA 1: this board has 1, counted from 0$"):
        TensorRT(in_precision(wanted, "fp16")._replace(device="dla:1"))


def test_an_engine_of_the_users_own_runs_on_no_dla_that_is_not_there(
    tmp_path: Path, wanted: Request, installed: Installed
) -> None:
    own = written(installed, wanted, tmp_path / "my.engine")
    with pytest.raises(WorkerError, match=r"^there is no DLA 0: this board has 0, counted from 0$"):
        TensorRT(own._replace(device="dla:0"))


@pytest.mark.usefixtures("newest")
def test_the_gpu_that_was_chosen_is_taken(wanted: Request, gpu: Gpu) -> None:
    gpu.count = 3
    assert TensorRT(wanted._replace(device="cuda:2")).facts()["device"] == "cuda:2"
    assert gpu.number == 2
