"""Networks, the process that serves them, and one file per runtime.

A runtime is one class with three methods and one line in `BACKENDS`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from colocate.study.model import Inference

if TYPE_CHECKING:
    from colocate.inference.networks import Network


class Backend(Protocol):
    """A network loaded in one runtime. Built inside the worker, after it has entered its CPUs."""

    def __init__(self, inference: Inference, network: Network | None) -> None:
        """Load `network` (None for the synthetic one) and allocate every buffer that `infer` needs."""

    def infer(self) -> None:
        """One synchronous inference: input copied in, network run, output copied out."""

    def facts(self) -> Mapping[str, Any]:
        """What was loaded and how it runs; stored with the run."""


# Name -> class, best first: `auto` takes the first whose package is installed. Lazy: no import before it is wanted.
BACKENDS = {
    "onnxruntime": "colocate.inference.onnxruntime:OnnxRuntime",
    "synthetic": "colocate.inference.synthetic:Synthetic",
}
# What each can compute in.
PRECISIONS = {"onnxruntime": ("fp32",), "synthetic": ("fp32",)}
# The package that each runtime needs; those not named need none.
PACKAGE = {"onnxruntime": "onnxruntime"}


def available_backends() -> tuple[str, ...]:
    """The runtimes whose packages are installed, best first."""
    return tuple(
        name for name in BACKENDS if name not in PACKAGE or importlib.util.find_spec(PACKAGE[name]) is not None
    )


def backend_class(name: str) -> type[Backend]:
    """The class behind a name of `BACKENDS`."""
    module, _, attribute = BACKENDS[name].partition(":")
    found: type[Backend] = getattr(importlib.import_module(module), attribute)
    return found
