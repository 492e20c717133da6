"""Networks, the process that serves them, and one file per runtime.

A runtime is one class with four methods and one line in `BACKENDS`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from colocate.study.model import Inference, Step

if TYPE_CHECKING:
    from colocate.inference.networks import Network

# Bytes of one element.
WIDTH_BYTES = {"fp32": 4, "fp16": 2}
PRECISIONS = tuple(WIDTH_BYTES)
WAITS = ("spin", "block")
# Property of a network's file: what it reads stays where it runs, and is not copied there for each inference.
RESIDENT = "colocate.resident"

Facts = Mapping[str, str | int | float | bool]


class Backend(Protocol):
    """A network loaded in one runtime. Built inside the worker, after it has entered its CPUs."""

    def __init__(self, inference: Inference, network: Network | None) -> None:
        """Load `network` (None where the runtime makes its own) and allocate every buffer that `infer` needs.

        Raises HostError when the runtime or its GPU refuses.
        """

    def infer(self) -> None:
        """One synchronous inference: input copied in, network run, output copied out. Raises HostError."""

    def device_s(self) -> float | None:
        """How long the last inference took on the accelerator; None where that cannot be told."""

    def facts(self) -> Facts:
        """Versions and settings under which it runs; stored with every trial."""


class Profiler(Protocol):
    """A backend that tells where an inference spends its time."""

    def profile(self, inferences: int) -> Sequence[Step]:
        """The steps that the runtime makes of the network, in order, over so many inferences after some to warm up.

        Raises HostError or TrialError.
        """


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is known of a runtime before it is imported.

    `target` names its class; `package` is the Python package it needs and `remedy` the command that brings it.
    One `on_gpu` can capture CUDA graphs and has two ways to wait; its module has a function `probe` that says
    what it found, or raises HostError where it cannot work. One with `own_networks`, a pattern
    of names, makes the networks of these names itself and runs no files. One that `profiles` is a `Profiler`.
    """

    target: str
    package: str | None = None
    remedy: str = ""
    precisions: tuple[str, ...] = ("fp32",)
    on_gpu: bool = False
    own_networks: str | None = None
    profiles: bool = False

    def load(self) -> type[Backend]:
        """Its class."""
        module, _, attribute = self.target.partition(":")
        found: type[Backend] = getattr(importlib.import_module(module), attribute)
        return found


# Best first: `auto` takes the first that works here. Lazy: nothing is imported before it is wanted.
BACKENDS = {
    "tensorrt": Runtime(
        "colocate.inference.tensorrt:TensorRT",
        "tensorrt",
        "pip install '.[tensorrt]'",
        PRECISIONS,
        on_gpu=True,
        profiles=True,
    ),
    "onnxruntime-cuda": Runtime(
        "colocate.inference.onnxruntime_cuda:OnnxRuntimeCuda",
        "onnxruntime",
        "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu",
        PRECISIONS,
        on_gpu=True,
    ),
    "onnxruntime-cpu": Runtime(
        "colocate.inference.onnxruntime_cpu:OnnxRuntimeCpu", "onnxruntime", "pip install onnxruntime", profiles=True
    ),
    "bandwidth": Runtime(
        "colocate.inference.bandwidth:Bandwidth",
        "pycuda",
        "pip install '.[tensorrt]'",
        on_gpu=True,
        own_networks="bandwidth",
    ),
    "synthetic": Runtime("colocate.inference.synthetic:Synthetic", own_networks="spin-.*"),
}


def maker_of(network: str) -> str | None:
    """The runtime that makes the network of this name itself; None for a network in a file."""
    for name, runtime in BACKENDS.items():
        if runtime.own_networks is not None and re.fullmatch(runtime.own_networks, network):
            return name
    return None
