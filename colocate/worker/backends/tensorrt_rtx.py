"""TensorRT for RTX: TensorRT of workstations and laptops, which builds within seconds and brings its own kernels.

It has the API of TensorRT 11. It serves the GPUs that its module names (`ComputeCapability`), and so neither data
centres' Hopper nor a Jetson. Versions run on hardware: none so far; 1.7 builds every network in the tests.
"""

from typing import Any

from colocate.worker.backends.tensorrt import TensorRT
from colocate.worker.cuda.gpu import CudaGpu
from colocate.worker.errors import WorkerError


class TensorRtRtx(TensorRT):
    """As `TensorRT`; kernels are compiled when a context is made, so that no window holds a compilation."""

    package = "tensorrt_rtx"
    serves_dla = False

    def check_gpu(self, gpu: CudaGpu) -> None:
        """See `TensorRT.check_gpu`: what this library says of it when it loads an engine helps nobody."""
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
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        return self._library.done(engine.create_execution_context, config)
