"""TensorRT for RTX: the TensorRT of workstations and laptops, which builds within seconds and brings its own kernels.

It has the API of TensorRT 11. It serves the GPUs that its module names (`ComputeCapability`), so no Hopper in data
centres and no Jetson. No version has run on hardware so far; 1.7 builds every network in the tests.

Its engines hold no compiled kernels. They are compiled for this GPU when a context is made, and for open shapes when
such a shape first occurs. That takes seconds, so all of it is done before the first window. The compiled kernels are
kept beside the engines (a runtime cache), and the next worker loads them.
"""

import hashlib
from pathlib import Path
from typing import Any

from colocate.worker import cache
from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.backends.trt_library import keeping
from colocate.worker.cuda.gpu import CudaGpu
from colocate.worker.errors import WorkerError
from colocate.worker.request import Request


class TensorRtRtx(TensorRT):
    """See `TensorRT`. All kernels are compiled before the constructor returns."""

    package = "tensorrt_rtx"
    serves_dla = False

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        # Whatever the context has left to compile.
        self.infer()
        self._keep_kernels()

    def check_gpu(self, gpu: CudaGpu) -> None:
        """See `TensorRT.check_gpu`. The library's own message, given when it loads an engine, would not help the
        user.
        """
        served = [name for name in dir(self._library.trt.ComputeCapability) if name.startswith("SM")]
        major, minor = gpu.capability
        if f"SM{major}{minor}" not in served:
            numbers = sorted((int(name[2:-1]), int(name[-1])) for name in served)
            known = ", ".join(f"{high}.{low}" for high, low in numbers)
            raise WorkerError(
                f"TensorRT for RTX does not serve the {gpu.name} (compute capability {major}.{minor}), only {known}; "
                "use --backend tensorrt"
            )

    def new_context(self, engine: Any) -> Any:
        """See `TensorRT.new_context`."""
        trt, config = self._library.trt, self._library.done(engine.create_runtime_config)
        # Not LAZY: that compiles on a thread of its own while others are measured.
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        self._kernels = self._library.done(config.create_runtime_cache)
        self._load_kernels()
        self._library.done(config.set_runtime_cache, self._kernels)
        return self._library.done(engine.create_execution_context, config)

    @property
    def _path(self) -> Path:
        """The file that keeps the kernels of this engine for this GPU."""
        gpu, version = self._gpu, self._library.trt.__version__
        key = hashlib.sha256(repr((version, gpu.name, gpu.capability)).encode()).hexdigest()[:12]
        return self.request.cache / "engines" / f"{self.request.loaded.name}-{self.digest}-{key}.kernels"

    def _load_kernels(self) -> None:
        kept = cache.kept(self._path)
        if kept is None:
            return
        with keeping("kernels", self._path.parent):
            if not self._kernels.deserialize(cache.read(kept)):
                # They are of another driver: they are compiled once more.
                kept.unlink()

    def _keep_kernels(self) -> None:
        with keeping("kernels", self._path.parent):
            cache.obtain(self._path, lambda: bytes(self._library.done(self._kernels.serialize)))
