"""Packages of this environment, and those that only the system's own Python has."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.worker import packages
from colocate.worker.errors import WorkerError

OWN = f"python3.{sys.version_info.minor}"
NAME = "colocate_test_runtime"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A system without packages; what a test imports from it is forgotten."""
    monkeypatch.setattr(packages, "SYSTEM", tmp_path)
    yield tmp_path
    for name in (NAME, f"{NAME}.inner"):
        sys.modules.pop(name, None)


def install(system: Path, folder: str, source: str = "from .inner import version", name: str = NAME) -> Path:
    home = system / "lib" / folder / "dist-packages" / name
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(source)
    (home / "inner.py").write_text("version = '8.6.2'")
    (home.parent / "colocate_test_neighbour.py").touch()
    return home


def called_python3(system: Path, name: str) -> None:
    (system / "bin").mkdir()
    (system / "bin" / name).touch()
    (system / "bin" / "python3").symlink_to(name)


@pytest.mark.parametrize("folder", [OWN, "python3"])
def test_the_systems_own_package_is_found_and_nothing_else(system: Path, folder: str) -> None:
    home = install(system, folder)
    called_python3(system, OWN)
    path = list(sys.path)
    module = packages.load(NAME)
    assert (module.version, module.__file__) == ("8.6.2", str(home / "__init__.py"))
    assert packages.load(NAME) is module
    assert sys.path == path
    assert packages.find("colocate_test_absent") is None


def test_the_environments_own_comes_first(system: Path) -> None:
    install(system, OWN, name="onnxruntime")
    spec = packages.find("onnxruntime")
    assert spec is not None and spec.origin is not None
    assert not spec.origin.startswith(str(system))


@pytest.mark.parametrize(("folder", "python3"), [("python3.8", "python3.8"), ("python3", "python3.8")])
def test_another_pythons_package_is_left_alone(system: Path, folder: str, python3: str) -> None:
    install(system, folder)
    called_python3(system, python3)
    assert packages.find(NAME) is None
    with pytest.raises(WorkerError, match=NAME):
        packages.load(NAME)


def test_a_mere_folder_is_no_package(system: Path) -> None:
    (system / "lib" / OWN / "dist-packages" / NAME).mkdir(parents=True)
    assert packages.find(NAME) is None


def test_a_package_without_its_libraries_is_one_line(system: Path) -> None:
    install(system, OWN, "raise ImportError('libnvinfer.so.8: cannot open\\n shared object file')")
    with pytest.raises(WorkerError, match=r"libnvinfer\.so\.8: cannot open shared object file"):
        packages.load(NAME)
    assert NAME not in sys.modules
