"""Which runtimes work here: each is tried, and one that does not work is missing with a reason and what to do."""

from __future__ import annotations

import dataclasses
import sys
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from colocate.inference.backends import availability, interpreter, registry
from colocate.inference.backends.interpreter import Interpreter
from colocate.inference.backends.registry import BACKENDS, Runtime
from colocate.model.device import Workers
from colocate.model.machine import Missing
from colocate.worker import packages as worker_packages

NAME = "colocate_test_runtime"
MODULES = (availability, interpreter, registry)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    caches = (availability.look, interpreter._ask)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


def distribution(folder: Path, name: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two folders of packages, the first of which comes before the second and before all others."""
    folders = tmp_path / "own", tmp_path / "system"
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(sys, "path", [*map(str, folders), *sys.path])
    return folders


def test_both_builds_of_onnxruntime_in_one_folder_are_recognised(packages: tuple[Path, Path]) -> None:
    distribution(packages[0], "onnxruntime-gpu")
    distribution(packages[0], "onnxruntime")
    missing = availability.mixed_up()
    assert missing is not None
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in missing.fix


def test_two_builds_in_two_folders_do_not_overwrite_each_other(packages: tuple[Path, Path]) -> None:
    distribution(packages[0], "onnxruntime-gpu")
    distribution(packages[1], "onnxruntime")
    assert availability.mixed_up() is None


def probed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, names: Sequence[str] = ("made-up",)
) -> availability.Availability:
    """What is found when the probe of every runtime on a GPU has this body."""
    (tmp_path / "made_up.py").write_text(
        "class Backend:\n"
        "    def __init__(self, request): pass\n"
        "    def infer(self): pass\n"
        "    def facts(self): return {}\n"
        f"    def probe(self):\n{textwrap.indent(textwrap.dedent(code), ' ' * 8)}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made_up = {name: Runtime("made_up:Backend", on_gpu=True) for name in names}
    for module in MODULES:
        monkeypatch.setattr(module, "BACKENDS", {**made_up, "synthetic": BACKENDS["synthetic"]})
    return availability.look()


def test_a_runtime_that_works_says_what_it_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = "import os; print('chatter'); os.write(1, b'more'); return {'gpu': 'Acme'}"
    found = probed(monkeypatch, tmp_path, code)
    assert (found.runtimes, found.probes) == (("made-up",), ("synthetic",))
    assert found.found == {"made-up": {"gpu": "Acme"}}
    assert found.missing == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "from colocate.worker.errors import WorkerError; raise WorkerError('the driver is too old')",
            "the driver is too old",
        ),
        ("import os; os.abort()", "status -6"),
        ("raise RuntimeError('what nobody foresaw')", "what nobody foresaw"),
    ],
)
def test_one_that_fails_or_dies_is_missing_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, said: str
) -> None:
    found = probed(monkeypatch, tmp_path, body)
    assert found.runtimes == ()
    assert said in found.missing["made-up"].reason


def test_a_gpu_that_takes_one_process_has_all_runtimes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    held = str(tmp_path / "held")
    code = f"import os, time; os.mkdir({held!r}); time.sleep(1); os.rmdir({held!r}); return {{}}"
    found = probed(monkeypatch, tmp_path, code, ("first", "second"))
    assert (found.runtimes, found.missing) == (("first", "second"), {})


def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(availability, "PROBE_TIMEOUT_S", 0.5)
    found = probed(monkeypatch, tmp_path, "import time; time.sleep(600)")
    assert "did not answer" in found.missing["made-up"].reason


def test_each_runtime_is_given_a_network_that_it_can_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(
        "class Backend:\n"
        "    def __init__(self, request): self.request = request\n"
        "    def infer(self): pass\n"
        "    def facts(self): return {'network': self.request.network, 'file': self.request.file is not None}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    runtimes = {
        "of-files": Runtime("made_up:Backend", on_gpu=True),
        "its-own": Runtime("made_up:Backend", on_gpu=True, own_networks="its-own"),
    }
    for module in MODULES:
        monkeypatch.setattr(module, "BACKENDS", runtimes)
    found = availability.look()
    assert found.found == {
        "of-files": {"network": "probe", "file": True}, "its-own": {"network": "its-own", "file": False}
    }  # fmt: skip
    assert (found.runtimes, found.probes) == (("of-files",), ("its-own",))


@pytest.mark.usefixtures("system")
def test_without_its_package_a_runtime_is_not_even_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Runtime("nowhere:Backend", "no_such_package", "pip install no-such-package", on_gpu=True)
    for module in MODULES:
        monkeypatch.setattr(module, "BACKENDS", {"missing": missing})
    found = availability.look().missing["missing"]
    own = ".".join(map(str, sys.version_info[:2]))
    assert found == Missing(f"Python {own} has no package no_such_package", "pip install no-such-package")


@pytest.mark.parametrize(("device", "works"), [("cpu", "on-cpu"), ("cuda:1", "on-gpu"), ("dla:0", "on-gpu")])
def test_a_runtime_runs_on_its_own_kind_of_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, device: str, works: str
) -> None:
    (tmp_path / "made_up.py").write_text(
        "class Backend:\n"
        "    def __init__(self, request): self.request = request\n"
        "    def infer(self): pass\n"
        "    def facts(self): return {'device': self.request.device, 'precision': self.request.precision}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    runtimes = {"on-gpu": Runtime("made_up:Backend", on_gpu=True), "on-cpu": Runtime("made_up:Backend")}
    probes = {f"{name}-itself": dataclasses.replace(each, own_networks=name) for name, each in runtimes.items()}
    for module in MODULES:
        monkeypatch.setattr(module, "BACKENDS", {**runtimes, **probes})
    found = availability.look(Workers(device=device))
    assert (found.runtimes, found.probes) == ((works,), (f"{works}-itself",))
    assert len(found.missing) == 2
    assert all(missing.reason.endswith(f", not on {device}") and missing.fix for missing in found.missing.values())
    # A Jetson's accelerator refuses to compute in fp32.
    precision = "fp16" if device == "dla:0" else "fp32"
    seen = {"device": device, "precision": precision}
    assert found.found == ({} if device == "cpu" else {"on-gpu": seen, "on-gpu-itself": seen})


# ---- what JetPack installs for the system's Python alone


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system without packages."""
    monkeypatch.setattr(worker_packages, "SYSTEM", tmp_path)
    return tmp_path


def install(system: Path, folder: str) -> None:
    home = system / "lib" / folder / "dist-packages" / NAME
    home.mkdir(parents=True)
    (home / "__init__.py").touch()


def test_what_jetpack_installed_is_seen(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(system, f"python3.{sys.version_info.minor}")
    runtime = Runtime("made_up:Backend", NAME)
    for module in MODULES:
        monkeypatch.setattr(module, "BACKENDS", {"jetpacks": runtime})
    found = availability.look()
    assert (found.runtimes, found.interpreters) == (("jetpacks",), {"jetpacks": Interpreter()})


def test_what_runs_under_another_python_is_tried_there(
    system: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As on a Jetson: the package is there for the system's Python alone.
    home = tmp_path / "packages"
    home.mkdir()
    (home / f"{NAME}.py").touch()
    (home / "made_up.py").write_text(
        f"import sys, {NAME}\n"
        "class Backend:\n"
        "    def __init__(self, request): pass\n"
        "    def infer(self): pass\n"
        "    def facts(self): return {'runtime': 'acme 1.0'}\n"
    )
    (system / "bin").mkdir()
    python = system / "bin" / "python3"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={home} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    for module in MODULES:
        monkeypatch.setattr(module, "BACKENDS", {"jetpacks": Runtime("made_up:Backend", NAME)})
    found = availability.look()
    assert found.found == {"jetpacks": {"runtime": "acme 1.0"}}
    assert found.interpreters["jetpacks"].path == str(python)
    assert f"has no package {NAME}" in found.interpreters["jetpacks"].reason


def test_a_runtime_that_is_tried_says_itself_why_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tensorrt").mkdir()
    (tmp_path / "tensorrt" / "__init__.py").write_text("raise ImportError('libnvinfer.so.10 is missing')")
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(worker_packages.__file__).parents[2]}")
    found = availability.look.__wrapped__()
    assert "libnvinfer.so.10 is missing" in found.missing["tensorrt"].reason
    assert "onnxruntime-cpu" in found.runtimes
