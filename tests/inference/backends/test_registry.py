"""Every runtime has one line, and what it says is true of its class."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.inference.backends.registry import (
    BACKENDS,
    ENGINE_RUNTIMES,
    MADE,
    maker_of,
    makes_networks,
    worker_request,
)
from colocate.model.request import PRECISIONS, Inference
from colocate.worker.request import NetworkFile, Request, TensorSpec


@pytest.mark.parametrize("name", BACKENDS)
def test_the_target_is_a_backend(name: str) -> None:
    runtime = BACKENDS[name]
    module, _, attribute = runtime.target.partition(":")
    backend = getattr(importlib.import_module(module), attribute)
    assert all(callable(getattr(backend, method)) for method in ("infer", "device_s", "facts"))
    assert hasattr(backend, "profile") == runtime.profiles
    assert set(runtime.precisions) <= set(PRECISIONS)
    assert (runtime.package is None) == (runtime.fix == ""), "what can be missing can be installed"


def test_the_family_that_loads_engines_has_its_class() -> None:
    family = {name for name in BACKENDS if f"{name}-".startswith(f"{ENGINE_RUNTIMES}-")}
    assert family == {name for name, runtime in BACKENDS.items() if ".tensorrt" in runtime.target}


def test_the_command_for_the_gpu_fixes_a_mix_too() -> None:
    """In a mix pip counts both as installed: without the other's name it would leave a folder without files."""
    assert BACKENDS["onnxruntime-cuda"].fix.startswith("pip uninstall -y onnxruntime onnxruntime-gpu &&")


def test_nothing_heavy_is_imported_before_it_is_wanted() -> None:
    code = (
        "import sys, colocate.inference.backends.registry;"
        "sys.exit(' '.join({'numpy', 'onnx', 'onnxruntime', 'tensorrt', 'tensorrt_rtx'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("network", "maker"),
    [
        ("spin-1ms", "synthetic"), ("spin-", "synthetic"), ("bandwidth", "bandwidth"), ("bandwidth2", None),
        ("alexnet", None), ("my/spin-1ms.onnx", None), ("", None),
    ],
)  # fmt: skip
def test_a_network_that_a_runtime_makes_itself_names_it(network: str, maker: str | None) -> None:
    assert maker_of(network) == maker


def test_a_worker_gets_everything_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = NetworkFile("mine", tmp_path / "mine.onnx", "0" * 64, (TensorSpec("x", (4, 3), "float32"),))
    inference = Inference("mine.onnx", "tensorrt", "fp16", 4, graph=True, wait="block", period_s=0.04)
    assert worker_request(inference, file, profiled=True) == Request(
        target="colocate.worker.backends.tensorrt:TensorRT",
        network="mine.onnx",
        precision="fp16",
        batch=4,
        graph=True,
        wait="block",
        period_s=0.04,
        file=file,
        cache=tmp_path / "colocate",
        profiled=True,
    )
    spin = worker_request(Inference("spin-1ms", "synthetic"), None)
    assert spin == Request("colocate.worker.backends.synthetic:Synthetic", "spin-1ms", cache=tmp_path / "colocate"), (
        "the defaults of both are the same"
    )


def test_without_a_folder_for_a_cache_there_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(HostError, match="XDG_CACHE_HOME"):
        worker_request(Inference("spin-1ms", "synthetic"), None)


def test_each_runtime_that_makes_networks_is_known_by_one_of_them() -> None:
    assert [maker_of(network) for network in MADE] == [name for name in BACKENDS if makes_networks(name)]
    assert not makes_networks("auto")
