"""The fakes of TensorRT for workers in processes of their own: a package on their path, which plugs them in."""

from __future__ import annotations

import importlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from colocate.inference.backends import availability, interpreter
from colocate.worker.backends.trt_library import TrtLibrary
from colocate.worker.request import NetworkFile, Request
from tests.worker.fake_cuda import Gpu, plugged_in
from tests.worker.fake_tensorrt import installed_in
from tests.worker.fake_tensorrt_parts import Installed

_PACKAGE = """
from tests.worker.plugged_tensorrt import become
become(globals())
"""
_ENVIRONMENT = "PLUGGED_TENSORRT"


@dataclass(frozen=True)
class Plug:
    """A version of a package, on a machine of so many GPUs and cores of a DLA, with so much memory."""

    version: str
    package: str = "tensorrt"
    gpus: int = 1
    dla_cores: int = 0
    free_bytes: int = 1 << 30

    @property
    def backend(self) -> str:
        """What colocate calls it."""
        return self.package.replace("_", "-")

    def installed(self, monkeypatch: pytest.MonkeyPatch) -> Installed:
        """The same in this process."""
        name, capability = ("RTX 4090", (8, 9)) if self.package == "tensorrt_rtx" else ("Orin", (8, 7))
        gpu = plugged_in(
            monkeypatch, Gpu(name=name, capability=capability, count=self.gpus, free_bytes=self.free_bytes)
        )
        installed = installed_in(monkeypatch, self.version, gpu, self.package)
        installed.dla_cores = self.dla_cores
        return installed

    def engine(self, network: NetworkFile, path: Path) -> Path:
        """The network as an engine of this version and GPU."""
        with pytest.MonkeyPatch.context() as monkeypatch:
            self.installed(monkeypatch)
            trt = importlib.import_module(self.package)
            path.write_bytes(TrtLibrary(trt).built(Request("", network.name, file=network), 1 << 20))
        path.chmod(0o644)
        return path


def plug(monkeypatch: pytest.MonkeyPatch, folder: Path, wanted: Plug) -> None:
    """The package can be imported by every worker of this process and no other of its kind, until the test ends."""
    (folder / wanted.package).mkdir(parents=True)
    (folder / wanted.package / "__init__.py").write_text(_PACKAGE)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{Path(__file__).parents[2]}")
    monkeypatch.syspath_prepend(str(folder))
    set_state(monkeypatch, wanted)


def set_state(monkeypatch: pytest.MonkeyPatch, wanted: Plug) -> None:
    """As `wanted` says from now on; what colocate has found out about this machine is forgotten."""
    monkeypatch.setenv(_ENVIRONMENT, json.dumps(asdict(wanted)))
    forget()


def forget() -> None:
    """What was found out about runtimes."""
    availability.look.cache_clear()
    interpreter._ask.cache_clear()


def become(package: dict[str, object]) -> None:
    """In a worker: the members of the `package` are the fake's, and this machine has its GPU, until it ends."""
    # Were it there, its GPU would be another.
    sys.modules["pycuda"] = None  # type: ignore[assignment]
    wanted = Plug(**json.loads(os.environ[_ENVIRONMENT]))
    wanted.installed(pytest.MonkeyPatch())
    package.update(vars(sys.modules[wanted.package]))
