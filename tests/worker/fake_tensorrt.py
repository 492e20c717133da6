"""The Python package tensorrt of a given version on a GPU that does not exist.

Its engines are run by ONNX Runtime on the CPU, so that what comes out is right only if what goes in is. Names and
enum members are those of the bindings of 8.6.1, 10.3.0, 10.16.1 and 11.4.0.
"""

from __future__ import annotations

import enum
import hashlib
import importlib.machinery
import pickle
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.worker.fake_cuda import Gpu

OPERATORS = {"Relu", "Conv", "Gemm", "Cast", "Add", "MatMul", "Shape", "NonZero", "Flatten", "MaxPool"}


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


DataType = enum.Enum("DataType", ["FLOAT", "HALF", "BF16", "INT32", "INT64", "BOOL"])
TensorIOMode = enum.Enum("TensorIOMode", ["NONE", "INPUT", "OUTPUT"])
TensorLocation = enum.Enum("TensorLocation", ["DEVICE", "HOST"])
_TYPES = {
    onnx.TensorProto.FLOAT: DataType.FLOAT,
    onnx.TensorProto.FLOAT16: DataType.HALF,
    onnx.TensorProto.BFLOAT16: DataType.BF16,
    onnx.TensorProto.INT64: DataType.INT64,
}
_NUMPY = {
    DataType.FLOAT: np.float32, DataType.HALF: np.float16, DataType.INT32: np.int32, DataType.INT64: np.int64,
    DataType.BOOL: np.bool_,
}  # fmt: skip


def nptype(trt_type: Any) -> Any:
    if trt_type not in _NUMPY:
        raise TypeError("Could not resolve TensorRT datatype to an equivalent numpy datatype.")
    return _NUMPY[trt_type]


@dataclass
class Installed:
    """What is installed, and what a test wants of it."""

    version: str
    gpu: Gpu
    builds: int = 0
    failure: str = ""  # what a build fails with
    too_old_a_driver: bool = False
    broken_engines: bool = False
    configs: list[Config] = field(default_factory=list)

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def started(self, logger: ILogger) -> None:
        """What every constructor does first."""
        if not getattr(logger, "started", False):
            raise TypeError("tensorrt.ILogger.__init__() must be called when overriding __init__")
        if self.too_old_a_driver:
            logger.log(
                Severity.WARNING, "CUDA initialization failure with error: 35. Please check your CUDA installation"
            )
            raise TypeError("pybind11::init(): factory function returned nullptr")


@dataclass
class Definition:
    flags: int
    model: onnx.ModelProto | None = None


@dataclass
class Config:
    flags: set[Any] = field(default_factory=set)

    def set_flag(self, flag: Any) -> None:
        self.flags.add(flag)


@dataclass
class ParserError:
    text: str

    def desc(self) -> str:
        return self.text


def _elements(model: onnx.ModelProto) -> set[int]:
    return {tensor.data_type for tensor in model.graph.initializer} | {
        value.type.tensor_type.elem_type
        for value in (*model.graph.input, *model.graph.output, *model.graph.value_info)
    }


class OnnxParser:
    def __init__(self, installed: Installed, definition: Definition, logger: ILogger, explicit: int | None) -> None:
        installed.started(logger)
        self._definition, self._explicit = definition, explicit
        self._errors: list[ParserError] = []

    @property
    def num_errors(self) -> int:
        return len(self._errors)

    def get_error(self, index: int) -> ParserError:
        return self._errors[index]

    def parse(self, model: bytes, path: str | None = None) -> bool:
        if self._explicit is not None and not self._definition.flags & 1 << self._explicit:
            self._errors.append(ParserError("only TensorRT INetworkDefinitions with an explicit batch dimension"))
            return False
        read = onnx.load_from_string(model)
        unknown = sorted({node.op_type for node in read.graph.node} - OPERATORS)
        self._errors += [ParserError(f"No importer registered for op: {name}.") for name in unknown]
        self._definition.model = read
        return not unknown


class Builder:
    def __init__(self, installed: Installed, logger: ILogger, flags: Any, typed: int | None) -> None:
        installed.started(logger)
        self._installed, self._logger, self._flags, self._typed = installed, logger, flags, typed

    def create_network(self, flags: int = 0) -> Definition:
        return Definition(flags)

    def create_builder_config(self) -> Config:
        return Config()

    def build_serialized_network(self, network: Definition, config: Config) -> memoryview | None:
        installed, model = self._installed, network.model
        assert model is not None, "an empty network"
        installed.builds += 1
        installed.configs.append(config)
        self._logger.log(Severity.INFO, "Local timing cache in use.")
        half = onnx.TensorProto.FLOAT16 in _elements(model)
        strongly = installed.major >= 11 or (self._typed is not None and network.flags & 1 << self._typed)
        leave = {flag.name for flag in config.flags}
        problem = installed.failure
        if strongly and "FP16" in leave:
            problem = "Error Code 3: API Usage Error (FP16 may not be set for a strongly typed network)"
        elif not strongly and half and "FP16" not in leave:
            problem = "Error Code 4: Internal Error (fp16 precision has not been enabled)"
        if problem:
            self._logger.log(Severity.ERROR, problem)
            self._logger.log(Severity.ERROR, "Error Code 2: Internal Error (Assertion engine != nullptr failed.)")
            return None
        # Kernels that found no memory are passed over, loudly.
        self._logger.log(Severity.ERROR, "Error Code 1: Cuda Runtime (out of memory)")
        plan = pickle.dumps(
            (installed.version, installed.gpu.name, half or "FP16" in leave, model.SerializeToString())
        )
        return memoryview(hashlib.sha256(plan).digest() + plan)


class Engine:
    def __init__(self, installed: Installed, logger: ILogger, model: onnx.ModelProto) -> None:
        self._installed, self._logger, self._model = installed, logger, model
        self.inputs = [value.name for value in model.graph.input]
        self._values = {value.name: value.type.tensor_type for value in (*model.graph.input, *model.graph.output)}
        self.names = list(self._values)
        self.nodes = [node.name or node.output[0] for node in model.graph.node]
        self.session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    def __len__(self) -> int:
        return len(self.names)

    @property
    def num_io_tensors(self) -> int:
        return len(self.names)

    def get_tensor_name(self, index: int) -> str:
        name: str = self.names[index]
        return name

    def get_tensor_shape(self, name: str) -> list[int]:
        return [dim.dim_value if dim.HasField("dim_value") else -1 for dim in self._values[name].shape.dim]

    def get_tensor_dtype(self, name: str) -> Any:
        dtype = _TYPES[self._values[name].elem_type]
        return DataType.INT32 if dtype == DataType.INT64 and self._installed.major < 10 else dtype

    def get_tensor_mode(self, name: str) -> Any:
        return TensorIOMode.INPUT if name in self.inputs else TensorIOMode.OUTPUT

    def get_tensor_location(self, name: str) -> Any:
        (maker,) = [n.op_type for n in self._model.graph.node if name in n.output] or [""]
        return TensorLocation.HOST if maker == "Shape" else TensorLocation.DEVICE

    def create_execution_context(self) -> ExecutionContext:
        return ExecutionContext(self, self._installed, self._logger)


class IProfiler:
    """Gets the milliseconds of each layer after each inference; a subclass must call its constructor."""

    def __init__(self) -> None:
        self.made = True

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        raise NotImplementedError


class ExecutionContext:
    profiler: IProfiler | None = None

    def __init__(self, engine: Engine, installed: Installed, logger: ILogger) -> None:
        self._engine, self._installed, self._logger = engine, installed, logger
        self._addresses: dict[str, int] = {}
        self._has_run = False

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self._engine.names:
            self._logger.log(Severity.ERROR, f"Error Code 3: API Usage Error (no tensor {name})")
            return False
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        stream = self._installed.gpu.streams[stream_handle]
        unset = set(self._engine.names) - set(self._addresses)
        if unset:
            self._logger.log(Severity.ERROR, f"Error Code 3: API Usage Error (Address is not set for {unset.pop()})")
            return False
        if stream.capture is not None and not self._has_run:
            stream.spoiled = True
            self._logger.log(
                Severity.ERROR, "Error Code 1: Cuda Runtime (operation not permitted when stream is capturing)"
            )
            return False
        self._has_run = True
        stream.put(2.0, self._run)
        if self.profiler is not None:
            assert self.profiler.made
            for number, node in enumerate(self._engine.nodes, start=1):
                self.profiler.report_layer_time(node, float(number))
        return True

    def _run(self) -> None:
        engine, memory = self._engine, self._installed.gpu.memory
        given = {
            name: memory(self._addresses[name]).view(nptype(engine.get_tensor_dtype(name)))
            .reshape(engine.get_tensor_shape(name))
            for name in engine.inputs
        }  # fmt: skip
        wanted = {value.name: value.type for value in engine.session.get_inputs()}
        given = {n: a.astype(np.int64) if wanted[n] == "tensor(int64)" else a for n, a in given.items()}
        outputs = [name for name in engine.names if name not in engine.inputs]
        for name, result in zip(outputs, engine.session.run(outputs, given), strict=True):
            typed = result.astype(nptype(engine.get_tensor_dtype(name)))
            np.copyto(memory(self._addresses[name]), typed.ravel().view(np.uint8))


class Runtime:
    def __init__(self, installed: Installed, logger: ILogger) -> None:
        installed.started(logger)
        self._installed, self._logger = installed, logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Engine | None:
        digest, plan = serialized_engine[:32], serialized_engine[32:]
        if hashlib.sha256(plan).digest() != digest or self._installed.broken_engines:
            self._logger.log(Severity.ERROR, "Error Code 1: Serialization (Magic tag does not match)")
            return None
        version, gpu, _, model = pickle.loads(plan)
        if (version, gpu) != (self._installed.version, self._installed.gpu.name):
            self._logger.log(Severity.ERROR, "Error Code 1: Serialization (Version tag does not match.)")
            return None
        return Engine(self._installed, self._logger, onnx.load_from_string(model))


def installed_in(monkeypatch: pytest.MonkeyPatch, version: str, gpu: Gpu) -> Installed:
    """TensorRT of this version can be imported, until the test ends."""
    installed = Installed(version, gpu)
    major = installed.major
    # Members and their values as in the bindings: what a version lacks raises AttributeError.
    network_members = {8: {"EXPLICIT_BATCH": 0}, 10: {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1}}.get(
        major, {"STRONGLY_TYPED": 0}
    )
    creation = enum.IntEnum("NetworkDefinitionCreationFlag", network_members)  # type: ignore[misc]
    flags = enum.Enum("BuilderFlag", ["TF32", "REFIT"] if major >= 11 else ["FP16", "INT8", "TF32", "REFIT"])  # type: ignore[misc]
    explicit = network_members["EXPLICIT_BATCH"] if major < 10 else None
    typed = network_members.get("STRONGLY_TYPED")

    def function(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        call.__name__ = name
        return call

    module = types.ModuleType("tensorrt")
    vars(module).update(
        __version__=version,
        __spec__=importlib.machinery.ModuleSpec("tensorrt", None, origin="fake"),
        ILogger=ILogger,
        IProfiler=IProfiler,
        NetworkDefinitionCreationFlag=creation,
        BuilderFlag=flags,
        TensorIOMode=TensorIOMode,
        TensorLocation=TensorLocation,
        DataType=DataType,
        nptype=nptype,
        Builder=function("Builder", lambda logger: Builder(installed, logger, flags, typed)),
        OnnxParser=function("OnnxParser", lambda network, logger: OnnxParser(installed, network, logger, explicit)),
        Runtime=function("Runtime", lambda logger: Runtime(installed, logger)),
    )
    monkeypatch.setitem(sys.modules, "tensorrt", module)
    return installed
