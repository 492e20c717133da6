"""TensorRT of each version, on a GPU that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.worker.request import Request
from tests.small import small_network
from tests.worker.fake_cuda import Gpu, plugged_in
from tests.worker.fake_tensorrt import installed_in
from tests.worker.fake_tensorrt_parts import Installed

# Those of JetPack 4.6, 5.0, 5.1, 6.0, 6.1 and 7.2, and the newest.
VERSIONS = ("8.2.1", "8.4.1.5", "8.5.2", "8.6.1", "10.3.0", "10.16.1.11", "11.4.0.106")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    return plugged_in(monkeypatch, Gpu())


@pytest.fixture(params=VERSIONS)
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Installed:
    return installed_in(monkeypatch, request.param, gpu)


@pytest.fixture
def newest(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> Installed:
    return installed_in(monkeypatch, VERSIONS[-1], gpu)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def engines(cache: Path) -> Path:
    return cache / "engines"


@pytest.fixture
def wanted(tmp_path: Path, cache: Path) -> Request:
    """The small network."""
    target = "colocate.worker.backends.tensorrt:TensorRT"
    return Request(target, "small", batch=2, file=small_network(tmp_path).file, cache=cache)
