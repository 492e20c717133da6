"""TensorRT: the network compiled for this GPU, the fastest way that NVIDIA offers to run it.

Written for TensorRT 8.0 (JetPack 4.6) to 11. In versions that do not name tensors, their binding indices are used.
`trt_library.py` builds networks. Every name used in both files is in the Python bindings of each version
(`tests/worker/tensorrt_names.json`). No version has run on hardware so far.

TensorRT times kernels on the GPU and keeps the fastest. So two builds of one network may differ, and a build at low
clocks may choose other kernels than one at high clocks. The engine that is built first is kept in the cache and used
from then on; the fact `engine` identifies it.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from colocate.worker import cache, packages
from colocate.worker.backend import Facts, ProfiledStep
from colocate.worker.backends.trt_engine import EngineTensor, engine_tensors, fed, set_shapes, settled
from colocate.worker.backends.trt_library import TrtLibrary, keeping
from colocate.worker.cuda.explanations import explained
from colocate.worker.cuda.gpu import CudaGpu
from colocate.worker.cuda.graph import captured
from colocate.worker.cuda.open import opened
from colocate.worker.errors import WorkerError
from colocate.worker.inputs import input_arrays
from colocate.worker.request import NetworkFile, Request


class TensorRT:
    """An engine with buffers in pinned memory. Each inference copies the inputs in, runs, and copies the outputs out.
    The engine is built from the network's file, or is the user's own.

    In fp32, matrix products use TF32 on the GPUs that have it (compute capability 8.0 and up), which is TensorRT's
    own default. Raises WorkerError.
    """

    package = "tensorrt"
    serves_dla = True

    def __init__(self, request: Request) -> None:
        trt = packages.load(self.package)
        kind, _, number = (request.device or "cuda:0").partition(":")
        # A board with a DLA has one GPU, which runs what the DLA cannot.
        dla = int(number) if kind == "dla" and self.serves_dla else None
        self._gpu = gpu = opened(request.wait, request.device if dla is None else None)
        self._library = library = TrtLibrary(trt, dla)
        self.check_gpu(gpu)
        # TensorRT wants the runtime to outlive its engines.
        self._runtime = library.runtime()
        plan, self._engine = self._given(request.loaded) if request.loaded.engine else self._built(request, dla)
        self.digest, self.request = hashlib.sha256(plan).hexdigest()[:12], request
        self._stream = gpu.stream()
        self._copies_in: "list[Callable[[], None]]" = []
        self._copies_out: "list[Callable[[], None]]" = []
        self._addresses: "dict[str, int]" = {}
        self.outputs: "dict[str, Any]" = {}
        self._tensors = engine_tensors(trt, self._engine, request.loaded)
        # An engine that is built here has fixed shapes, and its network's file says what it is fed.
        self._file = fed(request, self._engine, self._tensors) if request.loaded.engine else request.loaded
        self._context = self._ready_context()
        tensors = settled(self._context, self._tensors, self._file)
        self._allocate(tensors)
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
            "engine": self.digest,
            "tensors": ", ".join(tensor.words for tensor in tensors),
            "graph": request.graph,
            "wait": request.wait,
            "device": f"cuda:{gpu.number}" if dla is None else f"{request.device}, else cuda:{gpu.number}",
            "gpu_calls": gpu.calls,
        }
        if not request.loaded.engine:
            # An engine of the user's own does not say how it was built.
            tf32 = request.precision == "fp32" and gpu.capability >= (8, 0)
            self._facts = {**self._facts, "strongly_typed": library.strongly_typed, "tf32": tf32}

    def check_gpu(self, gpu: CudaGpu) -> None:
        """Raise WorkerError for a GPU that the library does not serve. TensorRT says so itself, so nothing is checked
        here.
        """

    def new_context(self, engine: Any) -> Any:
        """Return the context that runs `engine`."""
        return self._library.done(engine.create_execution_context)

    def infer(self) -> None:
        """See `Backend.infer`."""
        self._stream.time(self._launch)

    def device_s(self) -> float:
        """See `Backend.device_s`: the time between two events around the copies and the network."""
        return self._stream.device_s()

    def facts(self) -> Facts:
        """See `Backend.facts`."""
        return self._facts

    def profile(self, inferences: int) -> "list[ProfiledStep]":
        """See `Profiler.profile`. The times are those that TensorRT reports to an IProfiler, in a separate context.

        It times each layer between two events on the GPU. In each inference it calls `report_layer_time` for every
        layer of the engine, with milliseconds (IProfiler and IExecutionContext.profiler in NVIDIA's Python API).
        Versions before 8.4 report synchronous inferences only, so these are synchronous.
        """
        trt = self._library.trt
        times_s: "dict[str, list[float]]" = {}

        class Profiler(trt.IProfiler):  # type: ignore[misc, name-defined]
            def __init__(self) -> None:
                trt.IProfiler.__init__(self)

            def report_layer_time(self, layer_name: str, ms: float) -> None:
                times_s.setdefault(layer_name, []).append(ms * 1e-3)

        context, profiler = self._ready_context(), Profiler()
        context.profiler = profiler
        for _ in range(1 + inferences):
            self._library.done(context.execute_v2, list(self._addresses.values()))
        # The first inference sets up what the others find.
        return [ProfiledStep(name, "", float(np.mean(own[1:]))) for name, own in times_s.items()]

    def _ready_context(self) -> Any:
        context = self.new_context(self._engine)
        set_shapes(self._library, context, self._tensors, self._file)
        return context

    def _enqueue(self) -> None:
        for copy_in in self._copies_in:
            copy_in()
        if not self._run():
            raise WorkerError(explained(f"TensorRT cannot run the network: {self._library.reason}"))
        for copy_out in self._copies_out:
            copy_out()

    def _runner(self) -> "Callable[[], bool]":
        """Return a function that puts the network on the stream; it returns false if TensorRT refuses."""
        context, stream, addresses = self._context, self._stream.handle, self._addresses
        if not hasattr(context, "execute_async_v3"):
            places = list(addresses.values())
            return lambda: bool(context.execute_async_v2(places, stream))
        for name, address in addresses.items():
            self._library.done(context.set_tensor_address, name, address)
        return lambda: bool(context.execute_async_v3(stream))

    def _given(self, file: NetworkFile) -> "tuple[bytes, Any]":
        """The user's own engine, as the file's bytes and loaded. An engine is code, so a file that other users could
        have written is refused.
        """
        try:
            plan = cache.read_private(file.path)
        except OSError as error:
            raise WorkerError(f"cannot use {file.path}: {error.strerror}") from error
        if hashlib.sha256(plan).hexdigest() != file.sha256:
            raise WorkerError(f"{file.path} has changed since this study began; start another with --out")
        engine = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            version, reason = self._library.trt.__version__, self._library.reason
            said = f"{self.package} {version} cannot load {file.path} on this {self._gpu.name}: {reason}"
            raise WorkerError(explained(said))
        return plan, engine

    def _built(self, request: Request, dla: "int | None") -> "tuple[bytes, Any]":
        """The bytes and the engine of the request's network, from the cache, or built here if it has none."""
        file, gpu, library = request.loaded, self._gpu, self._library
        made_from = (file.sha256, file.path.name, request.precision, request.batch, dla)
        made_by = (self.package, library.trt.__version__, gpu.name, gpu.capability, gpu.processors)
        key = hashlib.sha256(repr((made_from, made_by)).encode()).hexdigest()[:12]
        path = request.cache / "engines" / f"{file.name}-b{request.batch}-{request.precision}-{key}.engine"
        with keeping("engines", path.parent):
            for _ in range(2):
                kept = cache.obtain(path, lambda: library.built(request, gpu.free_bytes // 2))
                plan = cache.read(kept)
                engine = self._runtime.deserialize_cuda_engine(plan)
                if engine is not None:
                    return plan, engine
                # It is of another driver or library than its name says: it is built once more.
                kept.unlink()
        raise WorkerError(explained(f"TensorRT cannot load the engine that it built: {library.reason}"))

    def _allocate(self, tensors: "list[EngineTensor]") -> None:
        """Allocate buffers of fixed address for all tensors, as a captured graph needs them, and fill those of the
        inputs.
        """
        arrays = input_arrays(self._file)
        for tensor in tensors:
            host = self._gpu.host_array(tensor.shape, tensor.dtype)
            address = self._addresses[tensor.name] = self._gpu.memory(host.nbytes)
            if tensor.is_input:
                # Where TensorRT has no 64-bit integers it takes 32-bit ones.
                np.copyto(host, arrays[tensor.name], casting="same_kind")
                self._copies_in.append(self._stream.copy_in(address, host))
            else:
                self.outputs[tensor.name] = host
                self._copies_out.append(self._stream.copy_out(host, address))
