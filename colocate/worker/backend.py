"""The four methods that a runtime must offer to be measured, and a fifth if it can profile."""

import importlib
import sys
from typing import Mapping, NamedTuple, Union

from colocate.worker import cache
from colocate.worker.errors import WorkerError
from colocate.worker.older import Protocol
from colocate.worker.request import Request

Facts = Mapping[str, Union[str, int, float, bool]]


class ProfiledStep(NamedTuple):
    """One step of a runtime's own profile; `time_s` is for one inference. `kind` is the operator, empty if unknown.

    For a step in the body of a loop or a branch, `within` names the steps around it, the outermost first. The times
    of these outer steps exclude their bodies. `runs` is how often the step ran in one inference, on average.
    """

    name: str
    kind: str
    time_s: float
    within: "tuple[str, ...]" = ()
    runs: float = 1.0


class Backend(Protocol):
    """A network loaded in one runtime. It is made inside the worker, once the process is confined to its CPUs."""

    def __init__(self, request: Request) -> None:
        """Load the network and allocate every buffer that `infer` needs.

        Raises WorkerError if the runtime or its GPU refuses.
        """

    def infer(self) -> None:
        """Run one synchronous inference: copy the input in, run the network, copy the output out. Raises
        WorkerError.
        """

    def device_s(self) -> "float | None":
        """How long the last inference took on the accelerator, in seconds; None if unknown."""

    def facts(self) -> Facts:
        """The versions and settings under which the network runs; stored with every trial."""


class Profiler(Protocol):
    """A backend that can measure the time of each step of an inference."""

    def profile(self, inferences: int) -> "list[ProfiledStep]":
        """Return the steps that the runtime makes of the network, in order, timed over `inferences` after a warm-up.

        Raises WorkerError.
        """


def load(request: Request) -> Backend:
    """Return the backend that `request.target` names, with its network loaded. Raises WorkerError.

    A network's file in colocate's cache is loaded only if it is still what was written there.
    """
    kept = request.cache / "networks"
    if request.file is not None and kept in request.file.path.parents:
        try:
            cache.check(request.file.path)
        except OSError as error:
            raise WorkerError(f"cannot use {request.file.path}: {error.strerror}; run this again") from error
    name, _, attribute = request.target.partition(":")
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        own = "{}.{}".format(*sys.version_info)
        raise WorkerError(f"it cannot be loaded under Python {own} ({sys.executable}): {error}") from error
    backend: "type[Backend]" = getattr(module, attribute)
    return backend(request)
