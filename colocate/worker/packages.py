"""Python packages of the runtimes, including those that JetPack installs only for the system's Python.

A virtual environment does not see the folder /usr/lib/python3.X/dist-packages, where JetPack puts TensorRT
(https://github.com/NVIDIA/TensorRT/issues/2737), and pip has no TensorRT for most Jetsons.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from colocate.worker.errors import WorkerError

# Where Debian and Ubuntu keep the system's Python; tests put a folder of their own here.
SYSTEM = Path("/usr")


def find(name: str) -> "ModuleSpec | None":
    """Return where the package is: in this environment, or else in the system's folder for this Python version; None
    if nowhere.
    """
    spec = importlib.util.find_spec(name) or PathFinder.find_spec(name, [str(folder) for folder in _folders()])
    # Without an origin it is a mere folder of this name.
    return spec if spec is not None and spec.origin is not None else None


def load(name: str) -> ModuleType:
    """Import the package that `find` finds, without opening its folder to other imports.

    Raises WorkerError if it is not installed or its libraries cannot be loaded.
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = find(name)
    if spec is None or spec.loader is None:
        raise WorkerError(why_missing(name))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, (ImportError, OSError)):
            raise WorkerError(f"the package {name} cannot be imported: {' '.join(str(error).split())}") from error
        raise
    return module


def why_missing(name: str) -> str:
    """The message for a package that `find` does not find."""
    return f"the package {name} is not installed for Python {sys.version_info[0]}.{sys.version_info[1]}"


def _folders() -> "Iterator[Path]":
    own = f"python3.{sys.version_info.minor}"
    yield SYSTEM / "lib" / own / "dist-packages"
    # This one belongs to whichever Python the system calls python3.
    if (SYSTEM / "bin" / "python3").resolve().name == own:
        yield SYSTEM / "lib" / "python3" / "dist-packages"
