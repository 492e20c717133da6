"""Which Python the worker of a runtime runs under, and why.

Usually it is colocate's own. A Jetson's TensorRT belongs to the system's Python, which may be older.
"""

from __future__ import annotations

import functools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from colocate.errors import HostError
from colocate.inference.backends.registry import BACKENDS, Runtime
from colocate.model.machine import Missing
from colocate.worker import packages, start

OLDEST, OLDEST_NUMPY = (3, 6), (1, 13)
# A Jetson reads numpy from an SD card.
_ANSWER_S = 60.0
# Must run under any Python, even a far too old one. It ignores packages in the current folder.
_QUESTION = """
import json, sys
del sys.path[0]
found = {"version": list(sys.version_info[:3]), "numpy": None, "origins": {}}
if sys.version_info >= (3, 6):
    import importlib.util
    for name in sys.argv[1:]:
        spec = importlib.util.find_spec(name)
        found["origins"][name] = spec.origin if spec else None
    try:
        import numpy
        found["numpy"] = numpy.__version__
    except ImportError:
        pass
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The Python of a worker. `reason` says why it was chosen; it is empty for colocate's own."""

    path: str = sys.executable
    reason: str = ""

    def command(self, module: str, request: str) -> list[str]:
        """Return the command that runs a `module` of the worker under this Python, with `request` as its argument."""
        return [self.path, str(start.__file__), module, request]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a Python reports: its version, its numpy's version, and where each package that a runtime needs is, by
    name. None means not installed.
    """

    version: tuple[int, ...]
    numpy: str | None
    origins: Mapping[str, str | None]

    @property
    def objection(self) -> str:
        """Why this Python cannot run a worker; empty if it can."""
        if self.version < OLDEST:
            return f"it is Python {_dotted(self.version)}; a worker needs {_dotted(OLDEST)} or newer"
        if self.numpy is None:
            return "it has no numpy: install that for it (python3-numpy on Debian, Ubuntu and JetPack)"
        if tuple(map(int, re.findall(r"\d+", self.numpy)[:2])) < OLDEST_NUMPY:
            return f"it has numpy {self.numpy}; a worker needs {_dotted(OLDEST_NUMPY)} or newer"
        return ""


def interpreter(name: str, chosen: str | None = None) -> Interpreter | Missing:
    """Return the Python for the runtime `name`: `chosen` if given, otherwise colocate's own if it has the runtime's
    package, otherwise the first of the system's that has it. If none has the package, return what is missing.

    Raises HostError if `chosen` cannot run a worker.
    """
    runtime = BACKENDS[name]
    if chosen is not None:
        return _under(chosen, runtime)
    spec = None if runtime.package is None else packages.find(runtime.package)
    own = None if spec is None else spec.origin
    if runtime.package is None or _complete(own, runtime):
        return Interpreter()
    version, objections = _dotted(sys.version_info[:2]), []
    for path in _of_the_system():
        try:
            answer = _ask(path)
        except HostError as error:
            objections.append(f"; {error}")
            continue
        if _complete(answer.origins.get(runtime.package), runtime):
            if not answer.objection:
                return Interpreter(path, f"colocate's own Python {version} {_missing_words(own, runtime)}")
            objections.append(f"; {path} has it, but {answer.objection}")
    return Missing(f"Python {version} {_missing_words(own, runtime)}{''.join(objections)}", runtime.fix)


def worker_command(name: str, chosen: str | None, module: str, request: str) -> list[str]:
    """Return the command that runs a `module` of the worker for the runtime `name`.

    Raises HostError if no Python on this machine can run it.
    """
    found = interpreter(name, chosen)
    if isinstance(found, Missing):
        raise HostError(f"{name}: {found.words}")
    return found.command(module, request)


def _under(chosen: str, runtime: Runtime) -> Interpreter | Missing:
    try:
        answer = _ask(chosen)
    except HostError as error:
        raise HostError(f"--worker-python {error}; name a Python {_dotted(OLDEST)} or newer") from error
    if answer.objection:
        raise HostError(f"--worker-python {chosen}: {answer.objection}")
    if runtime.package is None or _complete(origin := answer.origins.get(runtime.package), runtime):
        return Interpreter(chosen, "--worker-python")
    return Missing(
        f"{chosen} {_missing_words(origin, runtime)}", "install it for that Python, or leave out --worker-python"
    )


def _complete(origin: str | None, runtime: Runtime) -> bool:
    """Whether the package at `origin` is a build that the runtime can use."""
    return origin is not None and (runtime.holds is None or (Path(origin).parent / runtime.holds).exists())


def _missing_words(origin: str | None, runtime: Runtime) -> str:
    """Return what is missing if the package is not `_complete`."""
    if origin is None or runtime.holds is None:
        return f"has no package {runtime.package}"
    return f"has a package {runtime.package} without {Path(runtime.holds).name}"


def _of_the_system() -> Iterator[str]:
    """Yield the system's other Pythons: first python3, then python3.N from new to old."""
    folder = packages.SYSTEM / "bin"
    numbers = (re.fullmatch(r"python3\.(\d+)", path.name) for path in folder.glob("python3.*"))
    minors = sorted({int(number[1]) for number in numbers if number}, reverse=True)
    # colocate's own Python was tried before.
    seen = {Path(sys.executable).resolve()}
    for path in (folder / "python3", *(folder / f"python3.{minor}" for minor in minors)):
        if path.exists() and path.resolve() not in seen:
            seen.add(path.resolve())
            yield str(path)


@functools.cache
def _ask(path: str) -> _Answer:
    """Return what the Python at `path` reports. Raises HostError for a file that is not a Python or cannot be
    started.
    """
    names = sorted({runtime.package for runtime in BACKENDS.values() if runtime.package is not None})
    try:
        child = subprocess.run(
            [path, "-c", _QUESTION, *names],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_ANSWER_S, check=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        said = json.loads(child.stdout)
        numpy = None if said["numpy"] is None else str(said["numpy"])
        return _Answer(tuple(map(int, said["version"])), numpy, dict(said["origins"]))
    except OSError as error:
        raise HostError(f"{path} cannot be started: {error.strerror}") from error
    except subprocess.CalledProcessError as error:
        raise HostError(f"{path} does not answer as a Python does: {_last_words(error)}") from error
    except (subprocess.SubprocessError, ValueError, TypeError, KeyError) as error:
        raise HostError(f"{path} does not answer as a Python does") from error


def _last_words(error: subprocess.CalledProcessError) -> str:
    """Return the signal or the last line of a Python that ended before it answered. One whose numpy is built for
    another processor ends like that.
    """
    if error.returncode < 0:
        return f"it was ended by {signal.Signals(-error.returncode).name} when asked for its numpy"
    lines = error.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with status {error.returncode} and no word"


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
