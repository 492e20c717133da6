"""TensorRT: the network compiled for this GPU, the fastest way that NVIDIA offers to run it.

Written for TensorRT 8.0 (JetPack 4.6) to 11. It asks the module what it has rather than for its version: a binding's
place or a tensor's name, a size of the workspace or a pool of memory, a typed network or leave for FP16. Every name
used here is in the Python bindings of each version (`tests/worker/tensorrt_names.json`). Versions run on hardware:
none so far.

TensorRT times kernels on the GPU and keeps the fastest, so two builds of one network may differ, and one made at
low clocks may choose otherwise than one made at high clocks. The engine that is built first is kept in the cache
and used from then on; the fact `engine` identifies it.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, Tuple

import numpy as np

from colocate.worker import cache, cuda, packages
from colocate.worker.backend import Facts, ProfiledStep
from colocate.worker.backends.onnx_header import opset_of
from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import Request

# TensorRT's types that numpy has, too. `tensorrt.nptype` fails with numpy 1.24 and newer in versions before 8.6.
_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32, "INT64": np.int64,
          "UINT8": np.uint8, "BOOL": np.bool_}  # fmt: skip
# The newest opset that the parser of a version from the first number on, and before the next row's, was made for:
# https://github.com/onnx/onnx-tensorrt, docs/operators.md of each release.
_OPSETS = (((8, 0), 13), ((8, 4), 17), ((9, 0), None))


class EngineTensor(NamedTuple):
    """An input or output of an engine."""

    name: str
    shape: Tuple[int, ...]
    type_name: str
    is_input: bool
    on_device: bool


class TensorRT:
    """An engine with buffers in pinned memory; each inference copies one in, runs, and copies the others out.

    In fp32, matrix products use TF32 on the GPUs that have it (compute capability 8.0 and up), which is TensorRT's
    own default. Raises WorkerError.
    """

    def __init__(self, request: Request) -> None:
        self._trt = trt = packages.load("tensorrt")
        kind, _, number = (request.device or "cuda:0").partition(":")
        # A DLA stands beside the one GPU of its board, on which what it cannot do is run.
        self._dla = int(number) if kind == "dla" else None
        self._gpu = gpu = cuda.CudaGpu(request.wait, None if kind == "dla" else request.device)
        self._log = _log(trt)
        # Of operators that are plugins of TensorRT's own; before a network is read or an engine loaded.
        trt.init_libnvinfer_plugins(self._log, "")
        flag = trt.NetworkDefinitionCreationFlag
        # A DLA is told to compute in fp16, rather than by the types of the file, where there is a choice.
        self._strongly_typed = hasattr(flag, "STRONGLY_TYPED") and (
            self._dla is None or not hasattr(flag, "EXPLICIT_BATCH")
        )
        self._engine, digest = self._load(request)
        self._stopwatch = cuda.Stopwatch(gpu)
        self._copies_in: "list[Callable[[], None]]" = []
        self._copies_out: "list[Callable[[], None]]" = []
        self._addresses: "dict[str, int]" = {}
        self.outputs: "dict[str, Any]" = {}
        self._allocate(request)
        self._context = self._done(self._engine.create_execution_context)
        self._run = self._runner()
        self._launch: "Callable[[], None]" = self._enqueue
        if request.graph:
            # The first run sets up what may not be set up while it is captured:
            # https://github.com/NVIDIA/TensorRT/issues/2603
            self.infer()
            self._launch = gpu.captured(self._stopwatch.stream, self._enqueue)
        self._facts: "Facts" = {
            "runtime": f"tensorrt {trt.__version__}",
            "gpu": gpu.name,
            "engine": digest,
            "strongly_typed": self._strongly_typed,
            "tf32": request.precision == "fp32" and gpu.capability >= (8, 0),
            "graph": request.graph,
            "wait": request.wait,
            "device": f"cuda:{gpu.number}" if self._dla is None else f"dla:{self._dla}, else cuda:{gpu.number}",
        }

    def infer(self) -> None:
        """See `Backend.infer`."""
        self._stopwatch.time(self._launch)

    def device_s(self) -> float:
        """See `Backend.device_s`: between two events around the copies and the network."""
        return self._stopwatch.device_s()

    def facts(self) -> Facts:
        """See `Backend.facts`."""
        return self._facts

    def profile(self, inferences: int) -> "list[ProfiledStep]":
        """See `Profiler.profile`: what TensorRT reports to an IProfiler, in a context of its own.

        It times each layer between two events on the GPU. Once in each inference `report_layer_time` is called for
        every layer that the engine has, with milliseconds (IProfiler and IExecutionContext.profiler in NVIDIA's
        Python API). Before 8.4 it reports of synchronous inferences alone, so these are.
        """
        trt = self._trt
        times_s: "dict[str, list[float]]" = {}

        class Profiler(trt.IProfiler):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                trt.IProfiler.__init__(self)

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                times_s.setdefault(layer_name, []).append(ms * 1e-3)

        context, profiler = self._done(self._engine.create_execution_context), Profiler()
        context.profiler = profiler
        for _ in range(1 + inferences):
            self._done(context.execute_v2, list(self._addresses.values()))
        # The first inference sets up what the others find.
        return [ProfiledStep(name, "", float(np.mean(own[1:]))) for name, own in times_s.items()]

    def _enqueue(self) -> None:
        for copy_in in self._copies_in:
            copy_in()
        if not self._run():
            raise WorkerError(cuda.explained(f"TensorRT cannot run the network: {self._log.reason()}"))
        for copy_out in self._copies_out:
            copy_out()

    def _runner(self) -> "Callable[[], bool]":
        """What puts the network on the stream; false where TensorRT refuses."""
        context, stream, addresses = self._context, self._stopwatch.stream, self._addresses
        if not hasattr(context, "execute_async_v3"):
            places = list(addresses.values())
            return lambda: bool(context.execute_async_v2(places, stream))
        for name, address in addresses.items():
            self._done(context.set_tensor_address, name, address)
        return lambda: bool(context.execute_async_v3(stream))

    def _load(self, request: Request) -> "tuple[Any, str]":
        """The engine, built unless it is in the cache, and the beginning of its file's SHA-256."""
        file, gpu = request.loaded, self._gpu
        made_from = (file.sha256, file.path.name, request.precision, request.batch, self._dla)
        made_by = (self._trt.__version__, gpu.name, gpu.capability, gpu.processors)
        key = hashlib.sha256(repr((made_from, made_by)).encode()).hexdigest()[:12]
        path = request.cache / "engines" / f"{file.name}-b{request.batch}-{request.precision}-{key}.engine"
        runtime = self._done(self._trt.Runtime, self._log)
        if self._dla is not None:
            runtime.DLA_core = self._dla
        for _ in range(2):
            try:
                kept = cache.obtain(path, lambda: self._built(request))
                plan = cache.read(kept)
                engine = runtime.deserialize_cuda_engine(plan)
                if engine is not None:
                    # TensorRT wants the runtime to outlive its engines.
                    self._runtime = runtime
                    return engine, hashlib.sha256(plan).hexdigest()[:12]
                # Of another driver or library than its name shows: built once more.
                kept.unlink()
            except OSError as error:
                raise WorkerError(
                    f"cannot keep engines in {path.parent}: {error.strerror}; "
                    "make room or set XDG_CACHE_HOME to a folder of your own"
                ) from error
        raise WorkerError(cuda.explained(f"TensorRT cannot load the engine that it built: {self._log.reason()}"))

    def _built(self, request: Request) -> bytes:
        trt, content = self._trt, request.loaded.path.read_bytes()
        builder = self._done(trt.Builder, self._log)
        if not hasattr(builder, "build_serialized_network"):
            raise WorkerError(
                f"TensorRT {trt.__version__} is too old: 8.0 is the first that will do (on a Jetson, JetPack 4.6)"
            )
        definition = builder.create_network(self._creation_flags())
        parser = self._done(trt.OnnxParser, definition, self._log)
        if not parser.parse(content, str(request.loaded.path)):
            errors = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
            newer = _newer_opset(trt.__version__, content)
            raise WorkerError(cuda.explained(f"TensorRT cannot run {request.loaded.path}{newer}: {errors}"))
        config = builder.create_builder_config()
        if self._dla is not None:
            self._use_dla(self._dla, builder, config, request)
        if not hasattr(config, "set_memory_pool_limit"):
            # Later versions use what they need; these nothing unless told, and so few of their kernels.
            config.max_workspace_size = self._gpu.free_bytes // 2
        if request.precision == "fp16" and not self._strongly_typed:
            # Even where the file says so.
            config.set_flag(trt.BuilderFlag.FP16)
        return bytes(self._done(builder.build_serialized_network, definition, config))

    def _use_dla(self, number: int, builder: Any, config: Any, request: Request) -> None:
        """Have each layer run on the DLA that can, and the rest on the GPU."""
        if number >= builder.num_DLA_cores:
            raise WorkerError(f"there is no DLA {number}: this board has {builder.num_DLA_cores}, counted from 0")
        if request.precision != "fp16":
            raise WorkerError(f"a DLA does not compute in {request.precision}: add --precision fp16")
        config.default_device_type = self._trt.DeviceType.DLA
        config.DLA_core = number
        config.set_flag(self._trt.BuilderFlag.GPU_FALLBACK)

    def _creation_flags(self) -> int:
        """How a network is made: of the types that its file says where the version can, which from 11 on is the only
        way, and before that with the batch as a dimension like any other.
        """
        flag = self._trt.NetworkDefinitionCreationFlag
        if not self._strongly_typed:
            return 1 << int(flag.EXPLICIT_BATCH)
        return 1 << int(flag.STRONGLY_TYPED) if hasattr(flag, "EXPLICIT_BATCH") else 0

    def _allocate(self, request: Request) -> None:
        """Buffers of fixed address for every tensor, as a captured graph needs them; the input's is filled."""
        arrays, stream = input_arrays(request.loaded), self._stopwatch.stream
        for tensor in tensors(self._trt, self._engine):
            named = f"{tensor.name} in {request.loaded.path}"
            if not tensor.on_device or not all(size > 0 for size in tensor.shape):
                raise WorkerError(f"the shape of {named} is not fixed; try --backend onnxruntime-cuda")
            if tensor.type_name not in _NUMPY:
                raise WorkerError(
                    f"{named} is of {tensor.type_name}, which numpy does not have; "
                    "give the network inputs and outputs of another type"
                )
            host = self._gpu.host_array(tensor.shape, _NUMPY[tensor.type_name])
            address = self._addresses[tensor.name] = self._gpu.memory(host.nbytes)
            if tensor.is_input:
                # Where TensorRT has no 64-bit integers it takes 32-bit ones.
                np.copyto(host, arrays[tensor.name], casting="same_kind")
                self._copies_in.append(self._gpu.copy_in(address, host, stream))
            else:
                self.outputs[tensor.name] = host
                self._copies_out.append(self._gpu.copy_out(host, address, stream))

    def _done(self, call: "Callable[..., Any]", *arguments: Any) -> Any:
        """What `call` returns. TensorRT reports a failure by None or False, from a constructor by a TypeError."""
        try:
            result, said = call(*arguments), ""
        except TypeError as error:
            result, said = None, str(error)
        if result is None or result is False:
            raise WorkerError(cuda.explained(f"TensorRT failed in {call.__name__}: {self._log.reason() or said}"))
        # What went wrong on the way, such as a kernel that found no memory, did not matter.
        self._log.clear()
        return result


def tensors(trt: Any, engine: Any) -> "list[EngineTensor]":
    """The inputs and outputs of an engine, in their order."""
    if not hasattr(engine, "num_io_tensors"):
        # Before 8.5 they are places in a list.
        return [
            EngineTensor(
                engine.get_binding_name(place),
                tuple(engine.get_binding_shape(place)),
                engine.get_binding_dtype(place).name,
                bool(engine.binding_is_input(place)),
                engine.get_location(place) == trt.TensorLocation.DEVICE,
            )
            for place in range(engine.num_bindings)
        ]
    return [
        EngineTensor(
            name,
            tuple(engine.get_tensor_shape(name)),
            engine.get_tensor_dtype(name).name,
            engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT,
            engine.get_tensor_location(name) == trt.TensorLocation.DEVICE,
        )
        for name in map(engine.get_tensor_name, range(engine.num_io_tensors))
    ]


def _newer_opset(version: str, content: bytes) -> str:
    """That the file is of a newer opset than the parser was made for; empty where it is not."""
    numbers = tuple(int(part) for part in version.split(".")[:2])
    known = [opset for since, opset in _OPSETS if numbers >= since]
    opset = opset_of(content)
    if not known or known[-1] is None or opset is None or opset <= known[-1]:
        return ""
    return f", which is of opset {opset} (TensorRT {version} knows {known[-1]}: export it with that)"


def _log(trt: Any) -> Any:
    """A logger that prints nothing and keeps what explains a failure: a worker's output belongs to its parent."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._said: "list[tuple[int, str]]" = []

        def log(self, severity: Any, message: str) -> None:
            if int(severity) <= int(trt.ILogger.WARNING):
                self._said.append((int(severity), message))

        def clear(self) -> None:
            self._said.clear()

        def reason(self) -> str:
            """The first of the gravest; later ones mostly follow from it."""
            return min(self._said, key=lambda entry: entry[0], default=(0, ""))[1]

    return Log()
