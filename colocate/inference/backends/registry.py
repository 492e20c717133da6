"""Every runtime, and what is known about it before it is imported."""

from __future__ import annotations

import re
from dataclasses import dataclass

from colocate.inference.networks import cache
from colocate.model.request import PRECISIONS, Inference
from colocate.worker.request import NetworkFile, Request


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is known about a runtime before it is imported.

    `target` names its class (`worker.backend.Backend`). `package` is the Python package that it needs, and `fix` the
    command that installs it. If not every build of the package works, `holds` is a file that a working build
    contains. A runtime that is `on_gpu` can capture CUDA graphs and has two ways to wait for the GPU. A runtime with
    `own_networks`, a regular expression, makes the networks of matching names itself and runs no files. A runtime
    that `profiles` is a `worker.backend.Profiler`.
    """

    target: str
    package: str | None = None
    fix: str = ""
    precisions: tuple[str, ...] = ("fp32",)
    on_gpu: bool = False
    own_networks: str | None = None
    profiles: bool = False
    holds: str | None = None


# The runtime that loads a user's own engines; its name begins the names of others of that family.
ENGINE_RUNTIMES = "tensorrt"
# Best first: `auto` takes the first that works here. Lazy: nothing is imported before it is needed.
BACKENDS = {
    "tensorrt": Runtime(
        "colocate.worker.backends.tensorrt:TensorRT",
        "tensorrt",
        "pip install '.[tensorrt]'",
        PRECISIONS,
        on_gpu=True,
        profiles=True,
    ),
    "tensorrt-rtx": Runtime(
        "colocate.worker.backends.tensorrt_rtx:TensorRtRtx",
        "tensorrt_rtx",
        "pip install '.[rtx]'",
        PRECISIONS,
        on_gpu=True,
        profiles=True,
    ),
    "onnxruntime-cuda": Runtime(
        "colocate.worker.backends.onnxruntime_cuda:OnnxRuntimeCuda",
        "onnxruntime",
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu",
        PRECISIONS,
        on_gpu=True,
        holds="capi/libonnxruntime_providers_cuda.so",
    ),
    "onnxruntime-cpu": Runtime(
        "colocate.worker.backends.onnxruntime_cpu:OnnxRuntimeCpu",
        "onnxruntime",
        "pip install onnxruntime",
        profiles=True,
    ),
    "bandwidth": Runtime(
        "colocate.worker.backends.bandwidth:Bandwidth",
        on_gpu=True,
        own_networks="bandwidth",
    ),
    "synthetic": Runtime("colocate.worker.backends.synthetic:Synthetic", own_networks="spin-.*"),
}

# One name for each kind of network that a runtime makes itself.
MADE = ("bandwidth", "spin-1ms")


def maker_of(network: str) -> str | None:
    """Return the runtime that has this network built in (as `bandwidth`); None for one that is loaded from a file."""
    for name, runtime in BACKENDS.items():
        if runtime.own_networks is not None and re.fullmatch(runtime.own_networks, network):
            return name
    return None


def makes_networks(backend: str) -> bool:
    """Whether the runtime of this name makes its own networks and runs no files."""
    return backend in BACKENDS and BACKENDS[backend].own_networks is not None


def worker_request(
    inference: Inference,
    file: NetworkFile | None,
    *,
    profiled: bool = False,
    counted: bool = False,
    device: str | None = None,
) -> Request:
    """Return the request to a worker that serves `inference`; see `worker.request.Request` for the parameters. Raises
    HostError if there is no cache folder.
    """
    return Request(
        target=BACKENDS[inference.backend].target,
        network=inference.network,
        precision=inference.precision,
        batch=inference.batch,
        graph=inference.graph,
        wait=inference.wait,
        period_s=inference.period_s,
        file=file,
        cache=cache.root(),
        profiled=profiled,
        counted=counted,
        device=device,
    )
