"""Which way to a GPU is taken, and what is said of the other."""

from __future__ import annotations

import sys

import pytest

from colocate.worker.cuda.open import opened
from colocate.worker.errors import WorkerError
from tests.worker.fake_cuda import Gpu
from tests.worker.fake_pycuda import installed_in


@pytest.mark.usefixtures("gpu")
def test_without_pycuda_ctypes_makes_the_calls() -> None:
    assert opened("spin").calls == "ctypes"


def test_pycuda_makes_them_where_it_can_be_imported(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    installed_in(monkeypatch, gpu)
    assert opened("spin").calls == "pycuda 2026.1"


def test_a_pycuda_of_another_cuda_is_passed_over_and_says_why(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    installed_in(monkeypatch, gpu)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    assert opened("spin").calls.startswith("ctypes (pycuda cannot be imported: import of pycuda.driver halted")


def test_an_old_pycuda_knows_no_shared_context(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    installed_in(monkeypatch, gpu)
    monkeypatch.setattr(sys.modules["pycuda.driver"], "Device", object)
    assert opened("spin").calls == "ctypes (pycuda 2026.1 cannot share a context with a runtime)"


@pytest.mark.usefixtures("way")
def test_a_dla_is_no_gpu() -> None:
    with pytest.raises(WorkerError, match="it runs on a GPU, not on dla:0: TensorRT alone"):
        opened("spin", "dla:0")
    with pytest.raises(WorkerError, match=r"it runs on a GPU, not on cpu$"):
        opened("spin", "cpu")


def test_a_gpu_that_another_program_holds_is_reported(gpu: Gpu) -> None:
    gpu.taken = True
    with pytest.raises(WorkerError, match="exclusive mode"):
        opened("spin")
