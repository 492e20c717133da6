"""GPUs that do not exist, behind each of the ways to one."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.fake_cuda import Gpu, plugged_in
from tests.worker.fake_pycuda import installed_in

SOURCE = Path(__file__).parent.parent / "fake_libcuda.c"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    """Two of them, without pycuda."""
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    return plugged_in(monkeypatch, Gpu(count=2, free_bytes=1 << 20))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver's library as one that a compiler made."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("this machine has no C compiler")
    library = tmp_path_factory.mktemp("cuda") / "libcuda.so.1"
    subprocess.run([compiler, "-Wall", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture
def library(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctypes.CDLL]:
    """That library in place of the driver's."""
    loaded = ctypes.CDLL(str(compiled))
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: loaded)
    loaded.fake_refuse(0)
    yield loaded
    loaded.fake_refuse(0)


@pytest.fixture(params=["pycuda", "ctypes", "ctypes and C"])
def way(request: pytest.FixtureRequest) -> str:
    """To a GPU: what makes the calls."""
    if request.param == "ctypes and C":
        request.getfixturevalue("library")
        return "ctypes"
    gpu = request.getfixturevalue("gpu")
    if request.param == "ctypes":
        return "ctypes"
    return f"pycuda {installed_in(request.getfixturevalue('monkeypatch'), gpu).version}"
