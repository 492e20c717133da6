"""The Python package tensorrt of a given version on a GPU that does not exist.

What comes out of its engines is right only if what goes in is.
"""

from __future__ import annotations

import enum
import hashlib
import importlib.machinery
import pickle
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import onnx
import pytest

from tests.worker.fake_cuda import Gpu
from tests.worker.fake_tensorrt_engine import Engine
from tests.worker.fake_tensorrt_parts import ILogger, Installed, IProfiler, Named, Severity, names_in

OPERATORS = {
    *("Relu", "Conv", "Gemm", "Cast", "Add", "MatMul", "Shape", "NonZero", "Flatten", "MaxPool"),
    # Of ceilings and of launch overhead.
    *("Abs", "Expand", "Gather", "Mul", "Neg", "ReduceMax", "Reshape", "Transpose"),
}


class Definition(Named):
    _kind = "INetworkDefinition"

    def __init__(self, installed: Installed, flags: int) -> None:
        super().__init__(installed, None)
        allowed = sum(1 << number for number in installed.creation.values())
        assert flags & ~allowed == 0, "a flag that this version does not have"
        self._flags = flags
        self._model: onnx.ModelProto | None = None

    def _has(self, flag: str) -> bool:
        return flag in self._installed.creation and bool(self._flags & 1 << self._installed.creation[flag])

    @property
    def _strongly_typed(self) -> bool:
        return self._installed.release >= (11, 0) or self._has("STRONGLY_TYPED")


class Config(Named):
    _kind = "IBuilderConfig"
    max_workspace_size = 0
    default_device_type: Any = None
    DLA_core = -1

    def __init__(self, installed: Installed) -> None:
        super().__init__(installed, None)
        self._flags: set[str] = set()

    def set_flag(self, flag: Any) -> None:
        self._flags.add(flag.name)

    def set_memory_pool_limit(self, pool: Any, size: int) -> None:
        raise AssertionError("it uses what it needs without a limit")


class ParserError(Named):
    _kind = "ParserError"

    def __init__(self, installed: Installed, text: str) -> None:
        super().__init__(installed, None)
        self._text = text

    def desc(self) -> str:
        return self._text


def _elements(model: onnx.ModelProto) -> set[int]:
    return {tensor.data_type for tensor in model.graph.initializer} | {
        value.type.tensor_type.elem_type
        for value in (*model.graph.input, *model.graph.output, *model.graph.value_info)
    }


class OnnxParser(Named):
    _kind = "OnnxParser"

    def __init__(self, installed: Installed, definition: Definition, logger: ILogger) -> None:
        super().__init__(installed, logger)
        installed.started(logger)
        self._definition = definition
        self._errors: list[ParserError] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return self._errors[index]

    def parse(self, model: bytes, path: str | None = None) -> bool:
        definition, installed = self._definition, self._installed
        assert installed.plugins, "they must be there before a network is read"
        if installed.release < (10, 0) and not definition._has("EXPLICIT_BATCH"):
            self._errors.append(
                ParserError(installed, "only TensorRT INetworkDefinitions with an explicit batch dimension")
            )
            return False
        read = onnx.load_from_string(model)
        unknown = sorted({node.op_type for node in read.graph.node} - OPERATORS)
        self._errors += [ParserError(installed, f"No importer registered for op: {name}.") for name in unknown]
        definition._model = read
        return not unknown


class Builder(Named):
    _kind = "Builder"

    def __init__(self, installed: Installed, logger: ILogger) -> None:
        super().__init__(installed, logger)
        installed.started(logger)

    def create_network(self, flags: int = 0) -> Definition:
        return Definition(self._installed, flags)

    def create_builder_config(self) -> Config:
        return Config(self._installed)

    def build_serialized_network(self, network: Definition, config: Config) -> memoryview | None:
        installed, model = self._installed, network._model
        assert model is not None, "an empty network"
        installed.builds += 1
        installed.configs.append(config)
        self._say(Severity.INFO, "Local timing cache in use.")
        half = onnx.TensorProto.FLOAT16 in _elements(model)
        problem = installed.failure
        if network._strongly_typed and "FP16" in config._flags:
            problem = "Error Code 3: API Usage Error (FP16 may not be set for a strongly typed network)"
        elif not network._strongly_typed and half and "FP16" not in config._flags:
            problem = "Error Code 4: Internal Error (fp16 is not configured in the builder)"
        if config.default_device_type is not None and "FP16" not in config._flags and installed.release < (11, 0):
            problem = "Error Code 4: Internal Error (A DLA layer needs FP16 or INT8)"
        if installed.release < (8, 4) and not config.max_workspace_size:
            problem = "Error Code 10: Internal Error (Try increasing the workspace size)"
        if problem:
            self._say(Severity.ERROR, problem)
            self._say(Severity.ERROR, "Error Code 2: Internal Error (Assertion engine != nullptr failed.)")
            return None
        # Kernels that found no memory are passed over, loudly.
        self._say(Severity.ERROR, "Error Code 1: Cuda Runtime (out of memory)")
        dla = None if config.default_device_type is None else config.DLA_core
        plan = pickle.dumps((installed.version, installed.gpu.name, dla, model.SerializeToString()))
        return memoryview(hashlib.sha256(plan).digest() + plan)


class Runtime(Named):
    _kind = "Runtime"
    DLA_core = -1

    def __init__(self, installed: Installed, logger: ILogger) -> None:
        super().__init__(installed, logger)
        installed.started(logger)

    @property
    def num_DLA_cores(self) -> int:  # noqa: N802 - TensorRT's name
        return self._installed.dla_cores

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None:
        installed = self._installed
        assert installed.plugins, "they must be there before an engine is loaded"
        digest, plan = serialized_engine[:32], serialized_engine[32:]
        if hashlib.sha256(plan).digest() != digest or installed.broken_engines:
            self._say(Severity.ERROR, "Error Code 1: Serialization (Magic tag does not match)")
            return None
        version, gpu, dla, model = pickle.loads(plan)
        assert dla in (None, self.DLA_core), "an engine of a DLA is loaded for that DLA"
        if (version, gpu) != (installed.version, installed.gpu.name):
            self._say(Severity.ERROR, "Error Code 1: Serialization (Version tag does not match.)")
            return None
        assert self._logger is not None
        return Engine(installed, self._logger, onnx.load_from_string(model))


def installed_in(monkeypatch: pytest.MonkeyPatch, version: str, gpu: Gpu, package: str = "tensorrt") -> Installed:
    """TensorRT of this version can be imported, until the test ends."""
    installed = Installed(version, gpu, package)

    def members() -> Iterator[tuple[str, Any]]:
        yield from (("ILogger", ILogger), ("IProfiler", IProfiler))
        for kind, names in names_in(version).items():
            if isinstance(names, dict):
                yield kind, enum.IntEnum(kind, names)
        made: dict[str, Callable[..., Any]] = {
            "Builder": lambda logger: Builder(installed, logger),
            "OnnxParser": lambda network, logger: OnnxParser(installed, network, logger),
            "Runtime": lambda logger: Runtime(installed, logger),
            "init_libnvinfer_plugins": plugins_loaded,
        }
        for name, call in made.items():
            call.__name__ = name
            yield name, call

    def plugins_loaded(logger: ILogger, namespace: str) -> bool:
        installed.plugins = namespace == ""
        return True

    module = types.ModuleType(package)
    own = dict(members())
    assert own.keys() <= names_in(version)[""], "what the bindings of this version have"
    vars(module).update(
        own, __version__=version, __spec__=importlib.machinery.ModuleSpec(package, None, origin="fake")
    )
    monkeypatch.setitem(sys.modules, package, module)
    return installed
