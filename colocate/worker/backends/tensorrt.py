"""TensorRT: the network compiled for this GPU, the fastest way that NVIDIA offers to run it.

Written for TensorRT 8.0 (JetPack 4.6) to 11: where they have no names of tensors it takes the places of bindings. How
a network is built is in `trt_library.py`. Every name used in both is in the Python bindings of each version
(`tests/worker/tensorrt_names.json`). Versions run on hardware: none so far.

TensorRT times kernels on the GPU and keeps the fastest, so two builds of one network may differ, and one made at
low clocks may choose otherwise than one made at high clocks. The engine that is built first is kept in the cache
and used from then on; the fact `engine` identifies it.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple, Tuple

import numpy as np

from colocate.worker import cache, packages
from colocate.worker.backend import Facts, ProfiledStep
from colocate.worker.backends.trt_library import TrtLibrary
from colocate.worker.cuda.explanations import explained
from colocate.worker.cuda.gpu import CudaGpu
from colocate.worker.cuda.graph import captured
from colocate.worker.cuda.open import opened
from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import Request

# TensorRT's types that numpy has, too. `tensorrt.nptype` fails with numpy 1.24 and newer in versions before 8.6.
_NUMPY = {"FLOAT": np.float32, "HALF": np.float16, "INT8": np.int8, "INT32": np.int32, "INT64": np.int64,
          "UINT8": np.uint8, "BOOL": np.bool_}  # fmt: skip


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

    package = "tensorrt"
    serves_dla = True

    def __init__(self, request: Request) -> None:
        trt = packages.load(self.package)
        kind, _, number = (request.device or "cuda:0").partition(":")
        # A DLA stands beside the one GPU of its board, on which what it cannot do is run.
        dla = int(number) if kind == "dla" and self.serves_dla else None
        self._gpu = gpu = opened(request.wait, request.device if dla is None else None)
        self._library = library = TrtLibrary(trt, dla)
        self.check_gpu(gpu)
        self._engine, digest = self._load(request, dla)
        self._stream = gpu.stream()
        self._copies_in: "list[Callable[[], None]]" = []
        self._copies_out: "list[Callable[[], None]]" = []
        self._addresses: "dict[str, int]" = {}
        self.outputs: "dict[str, Any]" = {}
        self._allocate(request)
        self._context = self.new_context(self._engine)
        self._run = self._runner()
        self._launch: "Callable[[], None]" = self._enqueue
        if request.graph:
            # The first run sets up what may not be set up while it is captured:
            # https://github.com/NVIDIA/TensorRT/issues/2603
            self.infer()
            self._launch = captured(gpu.driver, self._stream.handle, self._enqueue)
        self._facts: "Facts" = {
            "runtime": f"{self.package} {trt.__version__}",
            "gpu": gpu.name,
            "engine": digest,
            "strongly_typed": library.strongly_typed,
            "tf32": request.precision == "fp32" and gpu.capability >= (8, 0),
            "graph": request.graph,
            "wait": request.wait,
            "device": f"cuda:{gpu.number}" if dla is None else f"{request.device}, else cuda:{gpu.number}",
            "gpu_calls": gpu.calls,
        }

    def check_gpu(self, gpu: CudaGpu) -> None:
        """Raise WorkerError for a GPU that the library does not serve; this one says so itself."""

    def new_context(self, engine: Any) -> Any:
        """What runs an engine."""
        return self._library.done(engine.create_execution_context)

    def infer(self) -> None:
        """See `Backend.infer`."""
        self._stream.time(self._launch)

    def device_s(self) -> float:
        """See `Backend.device_s`: between two events around the copies and the network."""
        return self._stream.device_s()

    def facts(self) -> Facts:
        """See `Backend.facts`."""
        return self._facts

    def profile(self, inferences: int) -> "list[ProfiledStep]":
        """See `Profiler.profile`: what TensorRT reports to an IProfiler, in a context of its own.

        It times each layer between two events on the GPU. Once in each inference `report_layer_time` is called for
        every layer that the engine has, with milliseconds (IProfiler and IExecutionContext.profiler in NVIDIA's
        Python API). Before 8.4 it reports of synchronous inferences alone, so these are.
        """
        trt = self._library.trt
        times_s: "dict[str, list[float]]" = {}

        class Profiler(trt.IProfiler):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                trt.IProfiler.__init__(self)

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                times_s.setdefault(layer_name, []).append(ms * 1e-3)

        context, profiler = self.new_context(self._engine), Profiler()
        context.profiler = profiler
        for _ in range(1 + inferences):
            self._library.done(context.execute_v2, list(self._addresses.values()))
        # The first inference sets up what the others find.
        return [ProfiledStep(name, "", float(np.mean(own[1:]))) for name, own in times_s.items()]

    def _enqueue(self) -> None:
        for copy_in in self._copies_in:
            copy_in()
        if not self._run():
            raise WorkerError(explained(f"TensorRT cannot run the network: {self._library.reason}"))
        for copy_out in self._copies_out:
            copy_out()

    def _runner(self) -> "Callable[[], bool]":
        """What puts the network on the stream; false where TensorRT refuses."""
        context, stream, addresses = self._context, self._stream.handle, self._addresses
        if not hasattr(context, "execute_async_v3"):
            places = list(addresses.values())
            return lambda: bool(context.execute_async_v2(places, stream))
        for name, address in addresses.items():
            self._library.done(context.set_tensor_address, name, address)
        return lambda: bool(context.execute_async_v3(stream))

    def _load(self, request: Request, dla: "int | None") -> "tuple[Any, str]":
        """The engine, built unless it is in the cache, and the beginning of its file's SHA-256."""
        file, gpu, library = request.loaded, self._gpu, self._library
        made_from = (file.sha256, file.path.name, request.precision, request.batch, dla)
        made_by = (self.package, library.trt.__version__, gpu.name, gpu.capability, gpu.processors)
        key = hashlib.sha256(repr((made_from, made_by)).encode()).hexdigest()[:12]
        path = request.cache / "engines" / f"{file.name}-b{request.batch}-{request.precision}-{key}.engine"
        runtime = library.runtime()
        for _ in range(2):
            try:
                kept = cache.obtain(path, lambda: library.built(request, gpu.free_bytes // 2))
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
        raise WorkerError(explained(f"TensorRT cannot load the engine that it built: {self._library.reason}"))

    def _allocate(self, request: Request) -> None:
        """Buffers of fixed address for every tensor, as a captured graph needs them; the input's is filled."""
        arrays, stream = input_arrays(request.loaded), self._stream
        for tensor in tensors(self._library.trt, self._engine):
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
                self._copies_in.append(stream.copy_in(address, host))
            else:
                self.outputs[tensor.name] = host
                self._copies_out.append(stream.copy_out(host, address))


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
