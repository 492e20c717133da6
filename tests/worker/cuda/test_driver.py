"""The driver's library, or what is said where there is none."""

from __future__ import annotations

import ctypes

import pytest

from colocate.worker.cuda.driver import Driver
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu, Library, Stream


def test_without_a_driver_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(ctypes, "CDLL", absent)
    with pytest.raises(WorkerError, match="there is no NVIDIA GPU"):
        Driver()


def test_an_error_has_the_name_of_the_call_and_its_text(gpu: Gpu) -> None:
    driver = Driver()
    with pytest.raises(WorkerError, match=r"^cuMemAlloc failed: initialization error$"):
        driver.call("cuMemAlloc_v2", None, None)
    assert driver.has("cuGraphInstantiateWithFlags") and not driver.has("cuSurprise")
    gpu.cuda = (10, 2)
    assert not driver.has("cuGraphInstantiateWithFlags")


def test_the_made_up_library_knows_broken_rules(gpu: Gpu) -> None:
    library = Library(gpu)
    assert library.cuCtxSynchronize() == 3
    library.cuInit(0)
    assert library.cuCtxSynchronize() == 201
    assert Stream(gpu, 1).synchronize() == 0
    assert not hasattr(library, "cuSurprise")
