"""The engines of the fake of tensorrt: run by ONNX Runtime on the CPU, by the API of either time."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from tests.worker.fake_tensorrt_parts import ILogger, Installed, IProfiler, Named, Severity

_NUMPY = {
    "FLOAT": np.float32, "HALF": np.float16, "INT32": np.int32, "INT64": np.int64, "BOOL": np.bool_,
}  # fmt: skip
_TYPES = {
    onnx.TensorProto.FLOAT: "FLOAT", onnx.TensorProto.FLOAT16: "HALF", onnx.TensorProto.BFLOAT16: "BF16",
    onnx.TensorProto.INT64: "INT64",
}  # fmt: skip


def session(content: bytes) -> ort.InferenceSession:
    """Of one thread: a process that forks should have no others, as they may hold locks just then."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


class Engine(Named):
    _kind = "ICudaEngine"

    def __init__(self, installed: Installed, logger: ILogger, model: onnx.ModelProto) -> None:
        super().__init__(installed, logger)
        # As the real one knows the shapes of outputs of which the file says none.
        self._model = model = onnx.shape_inference.infer_shapes(model)
        self._inputs = [value.name for value in model.graph.input]
        self._values = {value.name: value.type.tensor_type for value in (*model.graph.input, *model.graph.output)}
        self._tensors = list(self._values)
        self._nodes = [node.name or node.output[0] for node in model.graph.node]
        self._session = session(model.SerializeToString())

    def __len__(self) -> int:
        return len(self._tensors)

    @property
    def num_io_tensors(self) -> int:
        return len(self._tensors)

    num_bindings = num_io_tensors

    def get_tensor_name(self, index: int) -> str:
        name: str = self._tensors[index]
        return name

    get_binding_name = get_tensor_name

    def get_tensor_shape(self, name: str) -> list[int]:
        return [dim.dim_value if dim.HasField("dim_value") else -1 for dim in self._values[name].shape.dim]

    def get_binding_shape(self, index: int) -> list[int]:
        return Engine.get_tensor_shape(self, self._tensors[index])

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[list[int]]:
        """Of an open dimension at least 1, at best 4 and at most 8."""
        assert profile_index == 0
        shape = Engine.get_tensor_shape(self, name)
        return [[usual if size < 0 else size for size in shape] for usual in (1, 4, 8)]

    def get_profile_shape(self, profile_index: int, binding: int) -> list[list[int]]:
        return Engine.get_tensor_profile_shape(self, self._tensors[binding], profile_index)

    def get_tensor_dtype(self, name: str) -> Any:
        return self._installed.member("DataType", self._type(name))

    def get_binding_dtype(self, index: int) -> Any:
        return Engine.get_tensor_dtype(self, self._tensors[index])

    def _type(self, name: str) -> str:
        kind = _TYPES[self._values[name].elem_type]
        return "INT32" if kind == "INT64" and self._installed.release < (10, 0) else kind

    def get_tensor_mode(self, name: str) -> Any:
        return self._installed.member("TensorIOMode", "INPUT" if name in self._inputs else "OUTPUT")

    def binding_is_input(self, index: int) -> bool:
        return self._tensors[index] in self._inputs

    def get_tensor_location(self, name: str) -> Any:
        (maker,) = [n.op_type for n in self._model.graph.node if name in n.output] or [""]
        return self._installed.member("TensorLocation", "HOST" if maker == "Shape" else "DEVICE")

    def get_location(self, index: int) -> Any:
        return Engine.get_tensor_location(self, self._tensors[index])

    def create_runtime_config(self) -> RuntimeConfig:
        return RuntimeConfig(self._installed, None)

    def create_execution_context(self, config: RuntimeConfig | None = None) -> ExecutionContext:
        context = ExecutionContext(self)
        if self._installed.package == "tensorrt_rtx":
            assert config is not None and config.dynamic_shapes_kernel_specialization_strategy.name == "EAGER"
            kernels = config._kernels
            assert kernels is not None, "they would be compiled by every worker"
            kernels._compiled("when it is made")
            context._kernels = kernels
        return context


class RuntimeConfig(Named):
    _kind = "IRuntimeConfig"
    dynamic_shapes_kernel_specialization_strategy: Any = None
    _kernels: RuntimeCache | None = None

    def create_runtime_cache(self) -> RuntimeCache:
        return RuntimeCache(self._installed, None)

    def set_runtime_cache(self, cache: RuntimeCache) -> bool:
        self._kernels = cache
        return True


class RuntimeCache(Named):
    """Of the kernels of one engine; of another driver's it takes none."""

    _kind = "IRuntimeCache"

    def __init__(self, installed: Installed, logger: ILogger | None) -> None:
        super().__init__(installed, logger)
        self._names: set[str] = set()

    def _compiled(self, name: str) -> None:
        if name not in self._names:
            self._installed.compilations += 1
            self._names.add(name)

    def serialize(self) -> memoryview:
        return memoryview(json.dumps([self._installed.driver, sorted(self._names)]).encode())

    def deserialize(self, blob: bytes) -> bool:
        driver, names = json.loads(blob)
        if driver != self._installed.driver:
            return False
        self._names = set(names)
        return True


class ExecutionContext(Named):
    _kind = "IExecutionContext"
    profiler: IProfiler | None = None
    _kernels: RuntimeCache | None = None

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine._installed, engine._logger)
        self._engine = engine
        self._addresses: dict[str, int] = {}
        self._shapes = {name: Engine.get_tensor_shape(engine, name) for name in engine._tensors}
        self._has_run = False

    def get_tensor_shape(self, name: str) -> list[int]:
        return self._shapes[name]

    def get_binding_shape(self, binding: int) -> list[int]:
        return self._shapes[self._engine._tensors[binding]]

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        engine = self._engine
        least, _, most = Engine.get_tensor_profile_shape(engine, name, 0)
        if not all(low <= size <= high for low, size, high in zip(least, shape, most, strict=True)):
            self._say(Severity.ERROR, f"Error Code 3: API Usage Error (Set dimension {shape} is not in the profile.)")
            return False
        self._shapes[name] = list(shape)
        if all(size > 0 for each in engine._inputs for size in self._shapes[each]):
            given: dict[str, Any] = {
                each: np.zeros(self._shapes[each], _NUMPY[engine._type(each)]) for each in engine._inputs
            }
            outputs = [each for each in engine._tensors if each not in engine._inputs]
            for each, result in zip(outputs, engine._session.run(outputs, given), strict=True):
                self._shapes[each] = list(result.shape)
        return True

    def set_binding_shape(self, binding: int, shape: tuple[int, ...]) -> bool:
        return ExecutionContext.set_input_shape(self, self._engine._tensors[binding], shape)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        if name not in self._engine._tensors:
            self._say(Severity.ERROR, f"Error Code 3: API Usage Error (no tensor {name})")
            return False
        self._addresses[name] = memory
        return True

    def execute_async_v2(self, bindings: list[int], stream_handle: int) -> bool:
        self._addresses = dict(zip(self._engine._tensors, bindings, strict=True))
        return ExecutionContext.execute_async_v3(self, stream_handle)

    def execute_async_v3(self, stream_handle: int) -> bool:
        stream = self._installed.gpu.streams[stream_handle]
        unset = set(self._engine._tensors) - set(self._addresses)
        if unset:
            self._say(Severity.ERROR, f"Error Code 3: API Usage Error (Address is not set for {unset.pop()})")
            return False
        if stream.capture is not None and not self._has_run:
            stream.spoiled = True
            self._say(Severity.ERROR, "Error Code 1: Cuda Runtime (operation not permitted when stream is capturing)")
            return False
        self._has_run = True
        if self._kernels is not None:
            self._kernels._compiled("when a shape first comes")
        stream.put(2.0, self._compute)
        # Before 8.4 a profiler hears nothing of what is enqueued.
        if self.profiler is not None and self._installed.release >= (8, 4):
            self._report()
        return True

    def execute_v2(self, bindings: list[int]) -> bool:
        self._addresses = dict(zip(self._engine._tensors, bindings, strict=True))
        self._compute()
        if self.profiler is not None:
            self._report()
        return True

    def _report(self) -> None:
        profiler = self.profiler
        assert profiler is not None and profiler.made
        for number, node in enumerate(self._engine._nodes, start=1):
            profiler.report_layer_time(node, float(number))

    def _compute(self) -> None:
        engine, memory = self._engine, self._installed.gpu.memory
        given: dict[str, Any] = {
            name: memory(self._addresses[name])[: self._size(name)].view(_NUMPY[engine._type(name)])
            .reshape(self._shapes[name])
            for name in engine._inputs
        }  # fmt: skip
        wanted = {value.name: value.type for value in engine._session.get_inputs()}
        given = {n: a.astype(np.int64) if wanted[n] == "tensor(int64)" else a for n, a in given.items()}
        outputs = [name for name in engine._tensors if name not in engine._inputs]
        for name, result in zip(outputs, engine._session.run(outputs, given), strict=True):
            typed = result.astype(_NUMPY[engine._type(name)])
            np.copyto(memory(self._addresses[name])[: typed.nbytes], typed.ravel().view(np.uint8))

    def _size(self, name: str) -> int:
        return int(np.prod(self._shapes[name])) * np.dtype(_NUMPY[self._engine._type(name)]).itemsize
