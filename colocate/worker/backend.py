"""What a runtime must offer to be measured: four methods, and a fifth where it can profile."""

import importlib
import sys
from typing import Mapping, NamedTuple, Union

from colocate.worker import cache
from colocate.worker.errors import WorkerError
from colocate.worker.older import Protocol
from colocate.worker.request import Request

Facts = Mapping[str, Union[str, int, float, bool]]


class ProfiledStep(NamedTuple):
    """One step of a runtime's own profile: seconds of one inference. `kind` is the operator where it is known.

    Of a step in the body of a loop or a branch `within` names what it lies in, the outermost first, and the step
    around it is less the time of its body. `runs` is how often it ran in one inference, on average.
    """

    name: str
    kind: str
    time_s: float
    within: "tuple[str, ...]" = ()
    runs: float = 1.0


class Backend(Protocol):
    """A network loaded in one runtime. Built inside the worker, after it has entered its CPUs."""

    def __init__(self, request: Request) -> None:
        """Load the network and allocate every buffer that `infer` needs.

        Raises WorkerError when the runtime or its GPU refuses.
        """

    def infer(self) -> None:
        """One synchronous inference: input copied in, network run, output copied out. Raises WorkerError."""

    def device_s(self) -> "float | None":
        """How long the last inference took on the accelerator, in seconds; None where that is not known."""

    def facts(self) -> Facts:
        """Versions and settings under which it runs; stored with every trial."""


class Profiler(Protocol):
    """A backend that knows where an inference spends its time."""

    def profile(self, inferences: int) -> "list[ProfiledStep]":
        """The steps that the runtime makes of the network, in order, over so many inferences after a warm-up.

        Raises WorkerError.
        """


def load(request: Request) -> Backend:
    """The backend that `request.target` names, with its network loaded. Raises WorkerError.

    A network that colocate keeps is looked at once more: what is loaded is what was made.
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
