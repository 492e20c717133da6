"""The purest memory-bound network: a kernel that copies one large buffer to another on the GPU, through pycuda.

Its device time gives the bandwidth that the GPU achieves, and beside a CPU task on a board that shares its
memory, what the task takes of it.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from colocate.worker import cuda
from colocate.worker.backend import Facts
from colocate.worker.errors import WorkerError
from colocate.worker.request import COPIED_BYTES, Request

_THREADS = 256
_BLOCKS_PER_PROCESSOR = 16
# Sixteen bytes a thread and turn, neighbours side by side: the widest access that a GPU has.
_SOURCE = """
extern "C" __global__ void copy(const float4 *from, float4 *to, size_t n)
{
    for (size_t i = blockIdx.x * (size_t) blockDim.x + threadIdx.x; i < n; i += (size_t) gridDim.x * blockDim.x)
        to[i] = from[i];
}
"""


class Bandwidth:
    """One copy of `COPIED_BYTES` per inference and image of the batch; nothing goes in or out.

    Raises WorkerError where pycuda, its compiler nvcc or the GPU refuses.
    """

    def __init__(self, request: Request) -> None:
        self.copied_bytes = COPIED_BYTES * request.batch
        driver = cuda.primary_context(request.wait)
        try:
            from pycuda.compiler import SourceModule

            device = driver.Device(0)
            copy = SourceModule(_SOURCE, no_extern_c=True).get_function("copy")
            source, target = (driver.mem_alloc(self.copied_bytes) for _ in range(2))
            # Random bytes: a bus that carries zeros draws less power.
            block = np.random.default_rng(0).integers(0, 256, COPIED_BYTES, dtype=np.uint8)
            for image in range(request.batch):
                driver.memcpy_htod(int(source) + image * COPIED_BYTES, block)
        except (ImportError, OSError, RuntimeError, driver.Error) as error:
            raise WorkerError(cuda.explained(str(error))) from error
        grid = (_BLOCKS_PER_PROCESSOR * device.multiprocessor_count, 1)
        self._stopwatch = cuda.Stopwatch(driver)
        arguments = (source, target, np.uint64(self.copied_bytes // 16))
        launch = {"block": (_THREADS, 1, 1), "grid": grid, "stream": self._stopwatch.stream}
        self._launch: "Callable[[], None]" = functools.partial(copy, *arguments, **launch)
        self._facts: Facts = {
            "runtime": f"pycuda {'.'.join(map(str, _version()))}",
            "gpu": device.name(),
            "copied_bytes": self.copied_bytes,
            "graph": False,
            "wait": request.wait,
        }

    def infer(self) -> None:
        """One copy; see `Backend.infer`."""
        self._stopwatch.time(self._launch)

    def device_s(self) -> float:
        """See `Backend.device_s`: between two events around the kernel."""
        return self._stopwatch.device_s()

    def facts(self) -> Facts:
        """See `Backend.facts`."""
        return self._facts

    def probe(self, copies: int = 10) -> "Mapping[str, Any]":
        """The GPU's name and its bandwidth, each byte read and each written counted: the median of `copies`.

        Raises WorkerError where a copy fails, with the reason.
        """
        times_s = []
        for _ in range(copies):
            self.infer()
            times_s.append(self.device_s())
        return {"gpu": self._facts["gpu"], "bytes_per_s": 2 * self.copied_bytes / float(np.median(times_s))}


def _version() -> "tuple[int, ...]":
    import pycuda

    version: "tuple[int, ...]" = pycuda.VERSION
    return version
