"""Every runtime, and what is known of it before it is imported: one line each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from colocate.inference.networks import cache
from colocate.model.request import PRECISIONS, Inference
from colocate.worker.request import NetworkFile, Request


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is known of a runtime before it is imported.

    `target` names its class (`worker.backend.Backend`). `package` is the Python package that it needs, which `holds`
    a certain file where not every build of it will do, and `fix` the command that installs it. One `on_gpu` can
    capture CUDA graphs and has two ways to wait. One with `own_networks`, a pattern of names, makes the networks of
    these names itself and runs no files. One that `profiles` is a `worker.backend.Profiler`.
    """

    target: str
    package: str | None = None
    fix: str = ""
    precisions: tuple[str, ...] = ("fp32",)
    on_gpu: bool = False
    own_networks: str | None = None
    profiles: bool = False
    holds: str | None = None


# The family of runtimes that load engines of the user's own.
ENGINE_RUNTIMES = "tensorrt"
# Best first: `auto` takes the first that works here. Lazy: nothing is imported before it is wanted.
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

# Networks that runtimes make themselves, each by one of its names.
MADE = ("bandwidth", "spin-1ms")


def maker_of(network: str) -> str | None:
    """The runtime that makes the network of this name itself; None for a network in a file."""
    for name, runtime in BACKENDS.items():
        if runtime.own_networks is not None and re.fullmatch(runtime.own_networks, network):
            return name
    return None


def makes_networks(backend: str) -> bool:
    """Whether the runtime of this name makes its networks itself, and runs no files."""
    return backend in BACKENDS and BACKENDS[backend].own_networks is not None


def worker_request(
    inference: Inference,
    file: NetworkFile | None,
    *,
    profiled: bool = False,
    counted: bool = False,
    device: str | None = None,
) -> Request:
    """The request to a worker that serves `inference`. Raises HostError where there is no folder for a cache."""
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
