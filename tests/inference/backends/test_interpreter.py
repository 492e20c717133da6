"""Under which Python a runtime's worker runs: colocate's own, the system's that has it, or the user's choice."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colocate.errors import HostError
from colocate.inference.backends import interpreter as module
from colocate.inference.backends.interpreter import Interpreter, interpreter, worker_command
from colocate.inference.backends.registry import BACKENDS, Runtime
from colocate.model.machine import Missing
from colocate.worker import packages, start

# What no Python has but those that a test makes.
PACKAGE = "colocate_test_runtime"
Python = Callable[..., str]


@pytest.fixture(autouse=True)
def runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that needs the package, one that needs a certain build of it, one that is everywhere, one without."""
    plain = Runtime("made_up:Plain", PACKAGE, "install it")
    made_up = {"plain": plain, "gpu": Runtime("made_up:Gpu", PACKAGE, "install the other", holds="capi/gpu.so")}
    there = {"there": Runtime("made_up:There", "json"), "synthetic": BACKENDS["synthetic"]}
    monkeypatch.setattr(module, "BACKENDS", {**made_up, **there})


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A system without a Python."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(packages, "SYSTEM", tmp_path)
    module._ask.cache_clear()
    return tmp_path


@pytest.fixture
def python(system: Path) -> Python:
    """Installs a Python of this name that answers so; `has` are the files of the package."""

    def installed(name: str, version: str = "3.8.10", numpy: str | None = "1.17.4", has: tuple[str, ...] = ()) -> str:
        home = system / "lib" / name / PACKAGE
        for file in has:
            (home / file).parent.mkdir(parents=True, exist_ok=True)
            (home / file).touch()
        answer: dict[str, Any] = {"version": [int(part) for part in version.split(".")], "numpy": numpy}
        answer["origins"] = {PACKAGE: str(home / "__init__.py") if has else None, "json": "/lib/json/__init__.py"}
        path = system / "bin" / name
        path.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(answer)}\nEND\n")
        path.chmod(0o755)
        return str(path)

    return installed


def test_what_colocates_own_python_has_runs_under_it(python: Python) -> None:
    python("python3", has=("__init__.py",))
    for name in ("there", "synthetic"):
        assert interpreter(name) == Interpreter(sys.executable, "")
    command = worker_command("there", None, "colocate.worker", "{}")
    assert command == [sys.executable, start.__file__, "colocate.worker", "{}"]


def test_the_systems_python_is_taken_where_it_alone_has_the_runtime(python: Python) -> None:
    python("python3.12")
    found = python("python3.8", has=("__init__.py",))
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert interpreter("plain") == Interpreter(found, f"colocate's own Python {own} has no package {PACKAGE}")
    assert worker_command("plain", None, "colocate.worker", "{}")[0] == found


def test_the_one_that_the_system_calls_python3_comes_first_and_then_the_newest(python: Python) -> None:
    python("python3.9", has=("__init__.py",))
    newest = python("python3.10", has=("__init__.py",))
    assert isinstance(found := interpreter("plain"), Interpreter) and found.path == newest
    first = python("python3", has=("__init__.py",))
    module._ask.cache_clear()
    assert isinstance(found := interpreter("plain"), Interpreter) and found.path == first


def test_a_package_of_another_build_does_not_do(python: Python) -> None:
    python("python3", has=("__init__.py",))
    whole = python("python3.8", has=("__init__.py", "capi/gpu.so"))
    assert isinstance(found := interpreter("gpu"), Interpreter) and found.path == whole


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"version": "3.5.2", "numpy": None}, "it is Python 3.5.2; a worker needs 3.6 or newer"),
        ({"numpy": None}, "it has no numpy: install that for it"),
        ({"numpy": "1.12.1"}, "it has numpy 1.12.1; a worker needs 1.13 or newer"),
    ],
)
def test_one_that_cannot_run_a_worker_says_why(python: Python, answer: dict[str, Any], said: str) -> None:
    path = python("python3", has=("__init__.py",), **answer)
    missing = interpreter("plain")
    assert isinstance(missing, Missing)
    assert f"; {path} has it, but {said}" in missing.reason and missing.fix == "install it"
    with pytest.raises(HostError, match=said):
        interpreter("plain", path)
    with pytest.raises(HostError, match=f"^plain: .*{said}"):
        worker_command("plain", None, "colocate.worker", "{}")


@pytest.mark.parametrize("version", ["1.13.0", "1.13.0rc1", "2.0.2"])
def test_every_numpy_from_the_oldest_on_will_do(python: Python, version: str) -> None:
    path = python("python3", numpy=version, has=("__init__.py",))
    assert isinstance(found := interpreter("plain"), Interpreter) and found.path == path


def test_the_users_choice_goes_before_all(python: Python) -> None:
    python("python3", has=("__init__.py",))
    chosen = python("python3.6", version="3.6.9", numpy="1.13.3", has=("__init__.py",))
    for name in ("plain", "there", "synthetic"):
        assert interpreter(name, chosen) == Interpreter(chosen, "--worker-python")
    missing = interpreter("gpu", chosen)
    assert isinstance(missing, Missing)
    assert missing.reason == f"{chosen} has a package {PACKAGE} without gpu.so"
    assert "leave out --worker-python" in missing.fix


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nowhere/python3", r"/nowhere/python3 cannot be started: No such file.*; name a Python 3\.6 or newer"),
        ("/bin/true", r"/bin/true does not answer as a Python does; name"),
        ("/bin/false", r"/bin/false does not answer as a Python does: it ended with status 1 and no word; name"),
        ("/", "/ cannot be started: Permission denied"),
    ],
)
def test_what_is_no_python_is_named(system: Path, path: str, said: str) -> None:
    with pytest.raises(HostError, match=f"^--worker-python {said}"):
        interpreter("there", path)


@pytest.mark.parametrize(
    "answer",
    ['["3", "8"]', '{"version": "3.8", "numpy": "1.17.4", "origins": {}}', '{"version": [3, 8], "numpy": "1.17.4"}',
     '{"version": [3, 8], "numpy": null, "origins": 7}'],
)  # fmt: skip
def test_what_answers_something_else_is_no_python(system: Path, answer: str) -> None:
    path = system / "bin" / "script"
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    with pytest.raises(HostError, match=rf"^--worker-python {path} does not answer as a Python does; name"):
        interpreter("there", str(path))


@pytest.mark.parametrize(
    ("end", "said"),
    [("kill -ILL $$", "it was ended by SIGILL when asked for its numpy"), ("echo torn >&2; exit 3", "torn")],
)
def test_one_that_ends_at_its_numpy_says_how(python: Python, system: Path, end: str, said: str) -> None:
    # As on a Nano with a numpy that is built for another processor.
    path = Path(python("python3", has=("__init__.py",)))
    path.write_text(f"#!/bin/sh\n{end}\n")
    said = f"{path} does not answer as a Python does: {said}"
    missing = interpreter("plain")
    assert isinstance(missing, Missing) and missing.reason.endswith(f"has no package {PACKAGE}; {said}")
    with pytest.raises(HostError, match=rf"^--worker-python {re.escape(said)}; name a Python 3\.6 or newer$"):
        interpreter("plain", str(path))


def test_a_python_of_the_system_that_does_not_answer_is_passed_over(python: Python, system: Path) -> None:
    (system / "bin" / "python3").write_text("torn")
    found = python("python3.8", has=("__init__.py",))
    assert isinstance(python_ := interpreter("plain"), Interpreter) and python_.path == found


def test_a_real_python_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module._ask.cache_clear()
    # What lies where the user happens to be is no package.
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / f"{PACKAGE}.py").touch()
    monkeypatch.chdir(tmp_path)
    answer = module._ask(sys.executable)
    assert answer.version == sys.version_info[:3] and answer.objection == ""
    assert answer.origins[PACKAGE] is None and str(answer.origins["json"]).endswith("json/__init__.py")
