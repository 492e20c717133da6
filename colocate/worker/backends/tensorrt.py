"""TensorRT: the network compiled for this GPU, the fastest way that NVIDIA offers to run it.

Written for TensorRT 8.6 (JetPack 6.0), 10 (JetPack 6.1 and later) and 11. Every name used here was found in the
Python bindings of 8.6.1, 10.3.0, 10.16.1 and 11.4.0. Versions run on hardware: none so far.

TensorRT times kernels on the GPU and keeps the fastest, so two builds of one network may differ, and one made at
low clocks may choose otherwise than one made at high clocks. The engine that is built first is kept in the cache
and used from then on; the fact `engine` identifies it.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from colocate.worker import cache, cuda, packages
from colocate.worker.backend import Facts, ProfiledStep
from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import Request


class _Flags(NamedTuple):
    """What a network is built with from the version `since` on: names in TensorRT's enums, None for no flag."""

    since: "tuple[int, int]"
    network: "str | None"
    fp16: "str | None"


# All that differs between versions, newest first.
_FLAGS = (
    # Every network is strongly typed: FP16 is where its file says so.
    # https://docs.nvidia.com/deeplearning/tensorrt/11.0.0/_static/python-api/infer/Core/Builder.html
    # https://docs.nvidia.com/deeplearning/tensorrt/latest/api/migration/tensorrt-10x-to-11x-python-api-reference.html
    _Flags((11, 0), None, None),
    # Strongly typed on request. The batch is always a dimension like any other.
    # https://docs.nvidia.com/deeplearning/tensorrt/api/python_api/infer/Core/Builder.html
    _Flags((10, 0), "STRONGLY_TYPED", None),
    # The batch is one on request, and FP16 needs leave even where the file says so.
    # https://docs.nvidia.com/deeplearning/tensorrt/archives/tensorrt-843/api/python_api/infer/Core/Builder.html
    _Flags((8, 6), "EXPLICIT_BATCH", "FP16"),
)


class TensorRT:
    """An engine with buffers in pinned memory; each inference copies one in, runs, and copies the others out.

    In fp32, matrix products use TF32 on the GPUs that have it (compute capability 8.0 and up), which is TensorRT's
    own default. Raises WorkerError.
    """

    def __init__(self, request: Request) -> None:
        trt = packages.load("tensorrt")
        flags = _flags(trt.__version__)
        self._gpu = gpu = cuda.CudaGpu(request.wait)
        self._log = _log(trt)
        self._engine, digest = self._load(trt, flags, request, gpu)
        self._context = self._done(self._engine.create_execution_context)
        self._stopwatch = cuda.Stopwatch(gpu)
        self._stream = self._stopwatch.stream
        self._copies_in: "list[Callable[[], None]]" = []
        self._copies_out: "list[Callable[[], None]]" = []
        self._addresses: "dict[str, int]" = {}
        self.outputs: "dict[str, Any]" = {}
        self._allocate(trt, request)
        self._launch: "Callable[[], None]" = self._enqueue
        if request.graph:
            # The first run sets up what may not be set up while it is captured:
            # https://github.com/NVIDIA/TensorRT/issues/2603
            self.infer()
            self._launch = gpu.captured(self._stream, self._enqueue)
        self._facts: Facts = {
            "runtime": f"tensorrt {trt.__version__}",
            "gpu": gpu.name,
            "engine": digest,
            "strongly_typed": flags.fp16 is None,
            "tf32": request.precision == "fp32" and gpu.capability >= (8, 0),
            "graph": request.graph,
            "wait": request.wait,
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
        Python API; with `enqueue_emits_profile`, the default, it reports when the inference is enqueued and waits).
        """
        trt = packages.load("tensorrt")
        times_s: "dict[str, list[float]]" = {}

        class Profiler(trt.IProfiler):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                trt.IProfiler.__init__(self)

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                times_s.setdefault(layer_name, []).append(ms * 1e-3)

        context, profiler = self._done(self._engine.create_execution_context), Profiler()
        context.profiler = profiler
        for name, address in self._addresses.items():
            self._done(context.set_tensor_address, name, address)
        for _ in range(1 + inferences):
            self._done(context.execute_async_v3, self._stream)
            self._stopwatch.wait()
        # The first inference sets up what the others find.
        return [ProfiledStep(name, "", float(np.mean(own[1:]))) for name, own in times_s.items()]

    def _enqueue(self) -> None:
        for copy_in in self._copies_in:
            copy_in()
        if not self._context.execute_async_v3(self._stream):
            raise WorkerError(cuda.explained(f"TensorRT cannot run the network: {self._log.reason()}"))
        for copy_out in self._copies_out:
            copy_out()

    def _load(self, trt: Any, flags: _Flags, request: Request, gpu: cuda.CudaGpu) -> "tuple[Any, str]":
        """The engine, built unless it is in the cache, and the beginning of its file's SHA-256."""
        file = request.loaded
        made_from = (file.sha256, file.path.name, request.precision, request.batch, tuple(flags))
        made_by = (trt.__version__, gpu.name, gpu.capability, gpu.processors)
        key = hashlib.sha256(repr((made_from, made_by)).encode()).hexdigest()[:12]
        path = request.cache / "engines" / f"{file.name}-b{request.batch}-{request.precision}-{key}.engine"
        self._runtime = self._done(trt.Runtime, self._log)
        for _ in range(2):
            try:
                kept = cache.obtain(path, lambda: self._built(trt, flags, request))
                plan = cache.read(kept)
                engine = self._runtime.deserialize_cuda_engine(plan)
                if engine is not None:
                    return engine, hashlib.sha256(plan).hexdigest()[:12]
                # Of another driver or library than its name shows: built once more.
                kept.unlink()
            except OSError as error:
                raise WorkerError(
                    f"cannot keep engines in {path.parent}: {error.strerror}; "
                    "make room or set XDG_CACHE_HOME to a folder of your own"
                ) from error
        raise WorkerError(cuda.explained(f"TensorRT cannot load the engine that it built: {self._log.reason()}"))

    def _built(self, trt: Any, flags: _Flags, request: Request) -> bytes:
        builder = self._done(trt.Builder, self._log)
        definition = builder.create_network(
            1 << int(getattr(trt.NetworkDefinitionCreationFlag, flags.network)) if flags.network else 0
        )
        parser = self._done(trt.OnnxParser, definition, self._log)
        if not parser.parse(request.loaded.path.read_bytes(), str(request.loaded.path)):
            errors = "; ".join(parser.get_error(index).desc() for index in range(parser.num_errors))
            raise WorkerError(cuda.explained(f"TensorRT cannot run {request.loaded.path}: {errors}"))
        config = builder.create_builder_config()
        if flags.fp16 and request.precision == "fp16":
            config.set_flag(getattr(trt.BuilderFlag, flags.fp16))
        return bytes(self._done(builder.build_serialized_network, definition, config))

    def _allocate(self, trt: Any, request: Request) -> None:
        """Buffers of fixed address for every tensor, as a captured graph needs them; the input's is filled."""
        arrays = input_arrays(request.loaded)
        for index in range(self._engine.num_io_tensors):
            name = self._engine.get_tensor_name(index)
            shape = tuple(self._engine.get_tensor_shape(name))
            on_device = self._engine.get_tensor_location(name) == trt.TensorLocation.DEVICE
            if not on_device or not all(size > 0 for size in shape):
                raise WorkerError(
                    f"the shape of {name} in {request.loaded.path} is not fixed; try --backend onnxruntime-cuda"
                )
            dtype = self._done(trt.nptype, self._engine.get_tensor_dtype(name))
            host = self._gpu.host_array(shape, dtype)
            address = self._gpu.memory(host.nbytes)
            self._done(self._context.set_tensor_address, name, address)
            self._addresses[name] = address
            if self._engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
                # Where TensorRT has no 64-bit integers it takes 32-bit ones.
                np.copyto(host, arrays[name], casting="same_kind")
                self._copies_in.append(self._gpu.copy_in(address, host, self._stream))
            else:
                self.outputs[name] = host
                self._copies_out.append(self._gpu.copy_out(host, address, self._stream))

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


def _flags(version: str) -> _Flags:
    """The row of the table for a version such as 10.3.0. Raises WorkerError for one that is too old."""
    numbers = tuple(int(part) for part in version.split(".")[:2])
    for flags in _FLAGS:
        if numbers >= flags.since:
            return flags
    raise WorkerError(f"TensorRT {version} is too old: 8.6 is the first that is supported (on a Jetson, JetPack 6)")


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
