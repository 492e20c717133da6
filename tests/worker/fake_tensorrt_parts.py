"""What the fake of the Python package tensorrt is made of: the names that its classes have, and its state.

Classes have the public names of the bindings of their version, and no others (`tensorrt_names.json`).
"""

from __future__ import annotations

import enum
import json
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.worker.fake_cuda import Gpu

LISTS = json.loads(Path(__file__).with_name("tensorrt_names.json").read_text())
# No package index has these bindings: they are those of the next release that one has, without what came with that
# (release notes of 8.4 and 8.6, and the bindings' sources at the tags release/8.2 and release/8.5).
LACKING: dict[str, tuple[str, dict[str, set[str]]]] = {
    "8.2.1": ("8.4.1.5", {
        "": {"MemoryPoolType"},
        "IBuilderConfig": {"set_memory_pool_limit", "get_memory_pool_limit"},
        "IExecutionContext": {"enqueue_emits_profile", "report_to_profiler"},
    }),
    "8.5.2": ("8.6.1", {
        "BuilderFlag": {"FP8", "VERSION_COMPATIBLE", "EXCLUDE_LEAN_RUNTIME"},
        "DataType": {"FP8"},
        "IBuilderConfig": {"hardware_compatibility_level", "max_aux_streams", "builder_optimization_level"},
    }),
    # JetPack 4.4, which is too old.
    "7.1.3": ("8.4.1.5", {"Builder": {"build_serialized_network"}}),
}  # fmt: skip


@cache
def names_in(version: str) -> dict[str, Any]:
    """By class its public names in this version of the bindings, of an enum with their numbers."""
    listed, without = LACKING.get(version, (version, {}))
    return {
        kind: {name: number for name, number in names.items() if name not in without.get(kind, ())}
        if isinstance(names, dict)
        else set(names) - without.get(kind, set())
        for kind, names in LISTS[listed].items()
        if kind not in without.get("", ())
    }


class Severity(enum.IntEnum):
    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3
    VERBOSE = 4


class ILogger:
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = Severity

    def __init__(self) -> None:
        self.started = True

    def log(self, severity: Severity, msg: str) -> None:
        raise NotImplementedError


class IProfiler:
    """Gets the milliseconds of each layer after each inference; a subclass must call its constructor."""

    def __init__(self) -> None:
        self.made = True

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        raise NotImplementedError


@dataclass
class Installed:
    """What is installed, and what a test wants of it."""

    version: str
    gpu: Gpu
    package: str = "tensorrt"
    builds: int = 0
    failure: str = ""  # what a build fails with
    too_old_a_driver: bool = False
    broken_engines: bool = False
    plugins: bool = False
    dla_cores: int = 0
    configs: list[Any] = field(default_factory=list)
    # Of TensorRT for RTX: whose kernels a cache takes, and how often some were compiled.
    driver: str = "580"
    compilations: int = 0

    @property
    def release(self) -> tuple[int, ...]:
        """By whose rules it goes: TensorRT for RTX has those of TensorRT 11."""
        if self.package == "tensorrt_rtx":
            return 11, 4
        return tuple(int(part) for part in self.version.split(".")[:2])

    def member(self, kind: str, name: str) -> Any:
        """Of an enum of the module."""
        return getattr(sys.modules[self.package], kind)[name]

    @property
    def creation(self) -> dict[str, int]:
        """The flags of a network."""
        found: dict[str, int] = names_in(self.version)["NetworkDefinitionCreationFlag"]
        return found

    def started(self, logger: ILogger) -> None:
        """What every constructor does first."""
        if not getattr(logger, "started", False):
            raise TypeError("tensorrt.ILogger.__init__() must be called when overriding __init__")
        if self.too_old_a_driver:
            logger.log(
                Severity.WARNING, "CUDA initialization failure with error: 35. Please check your CUDA installation"
            )
            raise TypeError("pybind11::init(): factory function returned nullptr")


class Named:
    """Has the public names of its class in the bindings, and nothing else can be read or set."""

    _kind = ""

    def __init__(self, installed: Installed, logger: ILogger | None) -> None:
        self._installed, self._logger = installed, logger

    def _say(self, severity: Severity, text: str) -> None:
        assert self._logger is not None
        self._logger.log(severity, text)

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            version = object.__getattribute__(self, "_installed").version
            kind = object.__getattribute__(self, "_kind")
            if name not in names_in(version)[kind]:
                raise AttributeError(f"{kind} of TensorRT {version} has no {name}")
        return object.__getattribute__(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            assert name in names_in(self._installed.version)[self._kind], f"{self._kind} takes no {name}"
        object.__setattr__(self, name, value)
