"""The worker stands alone: it may run under another Python, from 3.6 on, which has nothing else of colocate."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import colocate.worker
import cpu_workloads
from colocate import parent, version
from cpu_workloads import contract, counter

PACKAGE = Path(colocate.worker.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
RUNTIMES = {"numpy", "onnxruntime", "pycuda", "tensorrt", "tensorrt_rtx"}


def imported(path: Path) -> Iterator[str]:
    """Every module that the file imports, wherever the statement stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides where it leads"
            # The name may be a module's or a module's member.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_it_is_written_for_the_oldest_python_that_runs_it() -> None:
    # What a worker loads besides its own package. A pipeline's process needs more, and runs under colocate's Python.
    others = [
        colocate.__file__,
        version.__file__,
        parent.__file__,
        cpu_workloads.__file__,
        contract.__file__,
        counter.__file__,
    ]
    vermin = [
        sys.executable,
        "-c",
        "import vermin; vermin.main()",
        "-t=3.6-",
        "--no-tips",
        "--violations",
        "--eval-annotations",
    ]
    done = subprocess.run([*vermin, str(PACKAGE), *others], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_it_imports_itself_the_contract_numpy_and_runtimes(path: Path) -> None:
    for name in imported(path):
        top = name.split(".")[0]
        assert (
            within(name, "colocate.worker")
            # The two sides must be of one version.
            or name == "colocate.version.__version__"
            or within(name, "cpu_workloads.contract")
            # A user's program ends in the same way as a task and as the network.
            or within(name, "cpu_workloads.program")
            # A program's lines are read, and work is counted for others to see, as a task's are.
            or within(name, "cpu_workloads.output")
            or within(name, "cpu_workloads.counter")
            or top in RUNTIMES
            or top in sys.stdlib_module_names
        ), f"{path.name} imports {name}"


@pytest.mark.parametrize("main", ["__main__", "probe", "profile", "pipeline"])
def test_loading_a_process_loads_neither_numpy_nor_the_rest_of_colocate(main: str) -> None:
    code = f"""
import sys
import colocate.worker.{main}
loaded = [name for name in sys.modules if name.split(".")[0] in ("colocate", "numpy", "onnxruntime")]
others = [name for name in loaded if name not in ("colocate", "colocate.version", "colocate.worker")]
sys.exit(" ".join(name for name in others if not name.startswith("colocate.worker.")) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
